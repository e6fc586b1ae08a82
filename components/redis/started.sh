#!/bin/sh
# Succeeds once this server may be read: a primary at once, a replica after its first copy.
if [ -e /run/redis/waits ]; then cat /run/redis/waits >&2; exit 1; fi
info=$(redis-cli --user health --pass any --no-auth-warning info replication) || exit 1
case $info in *role:master* | *master_link_status:up*) exit 0 ;; esac
echo "still copying from the primary" >&2
exit 1
