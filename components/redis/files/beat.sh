#!/bin/sh
# Once a second, more often at first, beside a server: the primary writes the time into the data, in database 15. By it,
# and by the bytes after it, servers that start together find out who has the newest data. A replica sees to its place
# among those that Sentinels may make primary.
. "${FILES:-/etc/redis}/common.sh"

# A replica starts with priority 0, which no Sentinel makes primary: until its first copy, its data is older than what was
# acknowledged while it was away. One that gets none decides anew how to start, because others may wait for its vote: at
# the latest after PATIENCE, and soon where the primary that it was to copy from is one no more, as when all servers
# stop at once and this one was back while that one was still stopping. An offset of 1 tells that there was no copy
# (valkey, genValkeyInfoString).
#
# Sentinels make no replica primary whose link has been down for longer than they know of, with 10 times DOWN_AFTER on
# top. When they were away too, that is every replica, for ever (valkey, sentinelSelectReplica). To follow anew sets
# that time back, and keeps the offset by which they choose.
replica() {
  info=$(ask "$LOCAL" "$PORT" info replication)
  if [ "$(echo "$info" | field slave_priority)" = 0 ]; then
    if [ "$(echo "$info" | field slave_repl_offset)" -gt 1 ]; then
      tell "$LOCAL" "$PORT" "CONFIG SET replica-priority 100" > /dev/null
      pause=1
    elif [ "$(echo "$info" | field master_sync_in_progress)" = 0 ] && gives_up "$(echo "$info" | field master_host)"; then
      echo "no first copy: it starts anew" >&2
      tell "$LOCAL" "$PORT" SHUTDOWN
      exit
    fi
    return
  fi
  down=$(echo "$info" | field master_link_down_since_seconds)
  if [ "${down:-0}" -gt $((DOWN_AFTER * 8 / 1000)) ]; then
    tell "$LOCAL" "$PORT" "MULTI\nREPLICAOF NO ONE\nREPLICAOF $(echo "$info" | field master_host) $PORT\nEXEC" > /dev/null
  fi
}

# Whether no first copy is to be hoped for from the primary at HOST.
gives_up() {
  now=$(date +%s)
  case $(fact "$1") in
    *" running master"*) gone= ;;
    *) gone=${gone:-$now} ;;
  esac
  [ $((now - began)) -gt "$PATIENCE" ] || { [ -n "$gone" ] && [ $((now - gone)) -ge "$GONE" ]; }
}

GONE=3
began=$(date +%s) pause=0.3 gone=
while sleep "$pause"; do
  [ ! -e "$RUN/stopping" ] || exit 0
  case $(tell "$LOCAL" "$PORT" "SELECT 15\nSET redis:beat beat=$(date +%s);") in
    *READONLY*) replica ;;
    *OK*OK*OK*) pause=1 ;;
  esac
done
