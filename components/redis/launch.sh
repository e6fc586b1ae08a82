#!/bin/sh
# Starts redis-0 as the primary and every other server as its replica.
set -eu
server=${HOSTNAME##*-}
ask() { timeout 3 redis-cli -h "$1" --user health --pass any --no-auth-warning info "$2" 2>/dev/null || true; }

umask 077
password=$(cat /etc/redis-auth/password)
{
  echo "requirepass $password"
  echo "masterauth $password"
  [ "$server" = 0 ] || echo "replicaof $PRIMARY_HOST 6379"
} > /run/redis/role.conf

# A primary that starts empty empties its replicas (redis.io, Replication: safety with persistence turned off).
if [ "$server" = 0 ] && [ ! -d /data/appendonlydir ] && ask "$READ_HOST" keyspace | grep -q '^db'; then
  echo "refusing to start: the volume of redis-0 is empty and its replicas hold data;" \
    "restore the volume, or delete the replicas and their volumes to begin with nothing" >&2
  exit 1
fi
exec redis-server /etc/redis/redis.conf
