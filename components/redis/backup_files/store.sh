#!/bin/sh
# Puts the file that take.sh made into the volume $STORE, and deletes the oldest of this stack beyond $KEEP.
set -eu
: "${WORK:=/work}" "${STORE:=/backups}"
umask 077
cd "$WORK"
name=$(ls -- "$STACK"-*.rdb | sort | tail -n 1)
cp "$name" "$STORE/.$name.partial" || { rm -f "$STORE/.$name.partial"; echo "backup $name does not fit: is the volume full?" >&2; exit 1; }
sync "$STORE/.$name.partial"
mv "$STORE/.$name.partial" "$STORE/$name"
rm "$WORK/$name"
cd "$STORE"
ls -- "$STACK"-*.rdb | sort -r | tail -n +$((KEEP + 1)) | while read -r old; do rm -- "$old"; done
echo "stored: $name"
