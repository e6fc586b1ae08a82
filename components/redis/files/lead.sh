#!/bin/sh
# A person says that this server, which waits, has the newest data that there is. What others have more is lost.
. "${FILES:-/etc/redis}/common.sh"
touch "$RUN/told"
