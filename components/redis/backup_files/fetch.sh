#!/bin/sh
# Puts the backup $FROM of the volume $STORE where restore.sh expects it.
set -eu
: "${WORK:=/work}" "${STORE:=/backups}"
case $FROM in
  "" | */* | .*) echo "FROM must be the name of a backup. The newest are:" >&2 ;;
  *) [ ! -f "$STORE/$FROM" ] || { cp "$STORE/$FROM" "$WORK/from.rdb"; exit; } && echo "There is no backup $FROM. The newest are:" >&2 ;;
esac
# An error of `make restore` ends with the last 15 lines: the reason must be among them.
ls -t "$STORE" | head -n 10 >&2
echo "The running data is untouched." >&2
exit 1
