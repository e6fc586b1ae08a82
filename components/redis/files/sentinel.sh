#!/bin/sh
# Starts the Sentinel beside a server. It keeps no state over a restart but its epochs: the primary is the one that the
# other Sentinels see, or else the one that runs, or else the one that replicas miss. All others are replicas, known from
# the start: of a primary that is away it could not learn them.
set -eu
. "${FILES:-/etc/redis}/common.sh"
umask 077
conf=$RUN/sentinel.conf

find_primary() {
  facts | awk '
    $1 == "sentinel" { if (++seen[$3] > most) { most = seen[$3]; primary = $3 } }
    $1 == "server" && $4 == "master" { master = $2 }
    $1 == "server" && $4 == "slave" && $5 != "" { missed = $5 }
    END { print primary != "" ? primary : master != "" ? master : missed }'
}

epochs=
if [ -f "$conf" ]; then
  epochs=$(grep -E '^sentinel (current-epoch|leader-epoch) ' "$conf" || true)
  rm "$conf"
fi
until primary=$(find_primary) && [ -n "$primary" ]; do sleep 0.3; done
passwords=$(accepted)
password=$(echo "$passwords" | head -n 1)
cat > "$conf" <<END
port $SENTINEL_PORT
bind $BIND
dir $RUN
protected-mode no
user default on $(rules "$passwords")~* &* +@all
$HEALTH
sentinel myid $(printf %s "$SELF:$SENTINEL_PORT" | sha1sum | cut -c 1-40)
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel announce-ip $SELF
sentinel announce-port $SENTINEL_PORT
sentinel sentinel-pass $password
sentinel monitor $NAME $primary $PORT $QUORUM
sentinel auth-pass $NAME $password
sentinel down-after-milliseconds $NAME $DOWN_AFTER
sentinel failover-timeout $NAME $((DOWN_AFTER * 2))
sentinel parallel-syncs $NAME 1
$(for host in $SERVERS; do [ "$host" = "$primary" ] || echo "sentinel known-replica $NAME $host $PORT"; done)
$epochs
END
follow_passwords "$SENTINEL_PORT" "$passwords" &
exec redis-server "$conf" --sentinel
