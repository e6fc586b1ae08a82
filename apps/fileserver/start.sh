#!/bin/sh
# Tells NGINX the name of this tier's pods (PEERS, host:port; nobody without it) and who resolves it, then becomes NGINX.
set -eu
{
    sed -n '/^nameserver [0-9.]*$/{s/nameserver \(.*\)/resolver \1 valid=1s ipv6=off; resolver_timeout 2s;/p;q}' /etc/resolv.conf
    echo "set \$peers \"${PEERS:-}\";"
} > /tmp/peers.conf
exec /usr/sbin/nginx -e stderr -c /etc/nginx/nginx.conf
