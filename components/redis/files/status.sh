#!/bin/sh
# What `make status` asks of a server: INFO, and the room of its volume in bytes.
. "${FILES:-/etc/redis}/common.sh"
ask "$LOCAL" "$PORT" info
df -Pk "$DATA" | awk 'END { printf "disk_total:%.0f\ndisk_free:%.0f\n", $2 * 1024, $4 * 1024 }'
