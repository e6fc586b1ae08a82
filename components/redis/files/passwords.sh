#!/bin/sh
# The SHA-256 of each password that this server accepts now, then of the one that it uses for other servers: the command
# that rotates the password compares. "sentinel" as the argument asks the Sentinel instead.
. "${FILES:-/etc/redis}/common.sh"
port=$PORT used="CONFIG GET masterauth"
[ "${1:-}" != sentinel ] || port=$SENTINEL_PORT used="SENTINEL CONFIG GET sentinel-pass"
passwords=$(accepted)
as_default "$port" "$passwords" "ACL LIST" | sed -n 's/.*user default //p' | grep -o '#[0-9a-f]\{64\}' | sed 's/^#/accepts /'
used=$(as_default "$port" "$passwords" "$used" | tail -n 1)
echo "uses $(printf %s "$used" | sha256sum | cut -d ' ' -f 1)"
