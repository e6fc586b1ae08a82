#!/bin/sh
# Fails when this server answers nothing, or is a primary that Sentinel has replaced: started anew, it follows.
# "sentinel" as the argument asks the Sentinel instead; while it waits for a primary, it has no configuration.
. "${FILES:-/etc/redis}/common.sh"
if [ "${1:-}" = sentinel ]; then
  [ ! -f "$RUN/sentinel.conf" ] || [ -n "$(ask "$LOCAL" "$SENTINEL_PORT" ping)" ]
  exit
fi
[ -n "$(ask "$LOCAL" "$PORT" ping)" ] || { echo "no answer" >&2; exit 1; }
ask "$LOCAL" "$PORT" info replication | grep -q '^role:master' || exit 0
primary=$(primary_by_sentinel "$LOCAL")
[ -z "$primary" ] || [ "$primary" = "$SELF" ] || { echo "the primary is $primary, not this server" >&2; exit 1; }
