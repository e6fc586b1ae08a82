#!/bin/sh
# Before this server stops: hands the primary's role over, when it has it. Writes wait while replicas catch up.
. "${FILES:-/etc/redis}/common.sh"
password=$(cat "$AUTH/password")
tell() { host=$1 port=$2; shift 2; printf 'AUTH %s\n%s\n' "$password" "$*" | timeout 2 redis-cli -h "$host" -p "$port"; }
is_primary() { ask "$LOCAL" "$PORT" info replication | grep -q '^role:master'; }

is_primary && [ "$SERVERS" != "$SELF" ] || exit 0
tell "$LOCAL" "$PORT" "CLIENT PAUSE 30000 WRITE" > /dev/null
sleep 0.2
# A Sentinel may refuse, or give up: then another one is asked. One that has made another server primary leaves this one
# as it is for some seconds, so its own role tells nothing. Writers wait until it is gone: what it took after another was
# promoted would be lost.
for host in $SERVERS; do
  [ "$host" != "$SELF" ] || continue
  tell "$host" "$SENTINEL_PORT" "SENTINEL FAILOVER $NAME" 2> /dev/null | tail -n 1 | grep -qx OK || continue
  waited=0
  while [ "$waited" -lt 40 ]; do
    next=$(primary_by_sentinel "$host")
    [ -z "$next" ] || [ "$next" = "$SELF" ] || exit 0
    sleep 0.1
    waited=$((waited + 1))
  done
done
