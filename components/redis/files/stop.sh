#!/bin/sh
# Before this server stops: hands the primary's role over, when it has it, to a replica that has all its data. Where there
# is none, because all servers stop, it just stops: what it has decides who leads at the next start.
. "${FILES:-/etc/redis}/common.sh"
[ "$SERVERS" != "$SELF" ] || exit 0
touch "$RUN/stopping"
tell "$LOCAL" "$PORT" "CONFIG SET replica-priority 0" > /dev/null
own=$(ask "$LOCAL" "$PORT" info replication)
echo "$own" | grep -q '^role:master' || exit 0
tell "$LOCAL" "$PORT" "CLIENT PAUSE 30000 WRITE" > /dev/null
offset=$(ask "$LOCAL" "$PORT" info replication | field master_repl_offset)

# Whether every replica that runs has all that this server has: "nobody" runs, "behind", or "all" have it. Sentinel knows
# replicas as they were ten seconds ago, and may choose any of them.
replicas() {
  found=nobody
  for host in $SERVERS; do
    [ "$host" != "$SELF" ] || continue
    info=$(ask "$host" "$PORT" info replication)
    [ -n "$info" ] || continue
    found=all
    if [ "$(echo "$info" | field master_link_status)" != up ] || [ "$(echo "$info" | field slave_priority)" = 0 ] ||
      [ "$(echo "$info" | field slave_repl_offset)" -lt "$offset" ]; then
      echo behind
      return
    fi
  done
  echo "$found"
}

waited=0
while state=$(replicas) && [ "$state" != all ]; do
  [ "$state" = behind ] && [ "$waited" -lt 50 ] || exit 0
  sleep 0.1
  waited=$((waited + 1))
done
# A Sentinel may refuse, or give up: then another one is asked. One that has made another server primary leaves this one
# as it is for some seconds, so its own role tells nothing. Writers wait until it is gone: what it took after another was
# promoted would be lost.
end=$(($(date +%s) + 12))
while [ "$(date +%s)" -lt "$end" ]; do
  for host in $SERVERS; do
    [ "$host" != "$SELF" ] || continue
    tell "$host" "$SENTINEL_PORT" "SENTINEL FAILOVER $NAME" | tail -n 1 | grep -qx OK || continue
    waited=0
    while next=$(primary_by_sentinel "$host") && [ -n "$next" ] && [ "$waited" -lt 40 ]; do
      [ "$next" = "$SELF" ] || exit 0
      sleep 0.1
      waited=$((waited + 1))
    done
  done
  [ "$(replicas)" != nobody ] || exit 0
  sleep 0.5
done
