#!/bin/sh
# Puts the backup $FROM of the volume $STORE where restore.sh expects it.
set -eu
: "${WORK:=/work}" "${STORE:=/backups}"
case $FROM in
  "" | */* | .*) echo "FROM must be the name of a backup; there are:" >&2 ;;
  *) [ ! -f "$STORE/$FROM" ] || { cp "$STORE/$FROM" "$WORK/from.rdb"; exit; } && echo "There is no backup $FROM; there are:" >&2 ;;
esac
ls "$STORE" >&2
echo "The running data is untouched." >&2
exit 1
