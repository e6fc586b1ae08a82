#!/bin/sh
# Fails when this server answers nothing, or is a primary that Sentinel has replaced: started anew, it follows.
. "${FILES:-/etc/redis}/common.sh"
[ -n "$(ask "$LOCAL" "$PORT" ping)" ] || { echo "no answer" >&2; exit 1; }
ask "$LOCAL" "$PORT" info replication | grep -q '^role:master' || exit 0
primary=$(primary_by_sentinel "$LOCAL")
[ -z "$primary" ] || [ "$primary" = "$SELF" ] || { echo "the primary is $primary, not this server" >&2; exit 1; }
