#!/bin/sh
# Copies the data of a replica, loads the copy into a throwaway server, adds what it is (stack, time, counts), saves that,
# and loads what was saved. The file is $WORK/<stack>-<time>.rdb. Sources: valkey.io, valkey-cli --rdb.
set -eu
. "${FILES:-/etc/backup}/throwaway.sh"

# The host to copy from: the replica that has most, or the primary where there is no replica whose link is up.
best() {
  for host in $SERVERS; do
    info=$(ask "$host" "$PORT" info replication) || continue
    case $(echo "$info" | field role) in
      master) echo "0 0 $host" ;;
      slave) [ "$(echo "$info" | field master_link_status)" != up ] || echo "1 $(echo "$info" | field slave_repl_offset) $host" ;;
    esac
  done | sort -k1,1n -k2,2n | tail -n 1 | cut -d ' ' -f 3
}

from=$(best)
[ -n "$from" ] || fail "no server of Redis answers, so there is nothing to back up: $SERVERS"
taken=$(date +%s)
rm -f "$WORK/copy.rdb" "$WORK"/*.partial
redis-cli -h "$from" -p "$PORT" --rdb "$WORK/copy.rdb" > "$WORK/copy.log" 2>&1 || fail "$from gave no copy: $(tail -n 2 "$WORK/copy.log")"
intact "$WORK/copy.rdb" || fail "the copy from $from cannot be loaded: $(why)"
set -- stack "$STACK" taken "$taken" from "$from"
for key in $KEYS; do set -- "$@" "count:$key" "$(count throwaway "$key")"; done
throwaway del "$ABOUT" > /dev/null
throwaway hset "$ABOUT" "$@" > /dev/null
rm -f "$WORK/copy.rdb"
[ "$(throwaway save)" = OK ] || fail "the throwaway server could not save: $(why)"
name=$STACK-$(date -u -d "@$taken" +%Y%m%dT%H%M%SZ).rdb
mv "$WORK/loaded/dump.rdb" "$WORK/$name.partial"
intact "$WORK/$name.partial" || fail "what was saved cannot be loaded: $(why)"
for key in $KEYS; do
  [ "$(count throwaway "$key")" = "$(throwaway hget "$ABOUT" "count:$key")" ] || fail "what was saved has lost elements of $key"
  say "$key: $(count throwaway "$key")"
done
mv "$WORK/$name.partial" "$WORK/$name"
say "backup $name: taken from $from, checked by loading it, $(stat -c %s "$WORK/$name") bytes"
