#!/bin/sh
# Succeeds when this server may be read. "started" as the argument: a replica that has not had its first copy may not.
# A replica whose primary is away goes on serving what it has; one that lags while the primary is well does not.
. "${FILES:-/etc/redis}/common.sh"
not_ready() { echo "$1" >&2; exit 1; }
LAG=30
info=$(ask "$LOCAL" "$PORT" info)
value() { echo "$info" | field "$1"; }

[ "$(value loading)" = 0 ] || not_ready "it is loading its data, or does not answer"
if [ "$(value role)" = master ]; then
  [ "$(value aof_last_write_status)" = ok ] || not_ready "it can't write its data to disk: is the volume full?"
  exit 0
fi
[ "$(value master_link_status)" != up ] || exit 0
[ "${1:-}" != started ] || not_ready "it is still copying from the primary"
down=$(value master_link_down_since_seconds)
if [ "${down:-0}" -gt "$LAG" ] && ask "$LOCAL" "$SENTINEL_PORT" info sentinel | grep -q '^master0:.*status=ok,'; then
  not_ready "its link to the primary has been down for $down s, and the primary is well"
fi
