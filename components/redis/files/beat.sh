#!/bin/sh
# Once a second, beside a server: the primary writes the time into the data, in database 15. By it, and by the bytes after
# it, servers that start together find out who has the newest data.
. "${FILES:-/etc/redis}/common.sh"
tell() { printf 'AUTH %s\n'"$1" "$(password)" | timeout 5 redis-cli -h "$LOCAL" -p "$PORT" 2>&1; }

# Sentinels make no replica primary whose link has been down for longer than they know of, with 10 times DOWN_AFTER on
# top. When they were away too, that is every replica, for ever (valkey, sentinelSelectReplica). To follow anew sets
# that time back, and keeps the offset by which they choose.
follow_anew() {
  info=$(ask "$LOCAL" "$PORT" info replication)
  down=$(echo "$info" | field master_link_down_since_seconds)
  if [ "${down:-0}" -gt $((DOWN_AFTER * 8 / 1000)) ]; then
    tell "MULTI\nREPLICAOF NO ONE\nREPLICAOF $(echo "$info" | field master_host) $PORT\nEXEC\n" > /dev/null
  fi
}

while sleep 1; do
  case $(tell "SELECT 15\nSET redis:beat beat=$(date +%s);\n") in
    *READONLY*) follow_anew ;;
  esac
done
