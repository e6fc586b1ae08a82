#!/bin/sh
# Starts redis-0 as the primary and every other server as its replica.
set -eu
server=${HOSTNAME##*-}
ask() { timeout 3 redis-cli -h "$1" --user health --pass any --no-auth-warning info 2>/dev/null || true; }
tell() { # once, in the log and to the startup probe
  [ "$1" = "$(cat /run/redis/waits 2>/dev/null)" ] || echo "$1" | tee /run/redis/waits >&2
}

# A primary that starts empty empties its replicas (redis.io, Replication: safety with persistence turned off). So an
# empty redis-0 starts only when every other server says that it is empty too, or when a person says so. Silence is no
# answer: a server that can't be asked may hold data. All servers start at once (podManagementPolicy Parallel).
nothing_to_lose() {
  if [ -e /data/begin-empty ]; then
    rm /data/begin-empty
    return 0
  fi
  empty=1
  for address in $(getent ahostsv4 "$SERVERS_HOST" | cut -d ' ' -f 1 | sort -u); do
    info=$(ask "$address")
    if echo "$info" | grep -q '^db'; then
      tell "redis-0 does not start: its volume is empty, and a server at $address holds data (runbook: an empty primary)"
      return 1
    fi
    if echo "$info" | grep -q '^loading:0'; then empty=$((empty + 1)); fi
  done
  [ "$empty" -ge "$SERVERS" ] && return 0
  tell "redis-0 waits: its volume is empty, and not all of the other $((SERVERS - 1)) servers say that theirs are"
  return 1
}

if [ "$server" = 0 ]; then
  until ls /data/appendonlydir/*.manifest >/dev/null 2>&1 || nothing_to_lose; do sleep 1; done
  rm -f /run/redis/waits
fi

umask 077
password=$(cat /etc/redis-auth/password)
{
  echo "requirepass $password"
  echo "masterauth $password"
  [ "$server" = 0 ] || echo "replicaof $PRIMARY_HOST 6379"
} > /run/redis/role.conf
exec redis-server /etc/redis/redis.conf
