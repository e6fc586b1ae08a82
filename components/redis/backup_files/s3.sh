#!/bin/sh
# put: the file that take.sh made into the bucket. get: the backup $FROM where restore.sh expects it. Runs in AWS' image.
set -eu
: "${WORK:=/work}"
explain() {
  case $(cat "$WORK/aws.log") in
    *NoSuchBucket*) echo "The bucket $BUCKET is not there: does the stack still have it? \`pulumi up\` makes it." >&2 ;;
    *"(404)"* | *NoSuchKey*) echo "There is no backup $FROM in $BUCKET." >&2 ;;
    *) echo "S3 refused it: $(tail -n 1 "$WORK/aws.log")" >&2 ;;
  esac
  exit 1
}
copy() { aws s3 cp --only-show-errors "$1" "$2" > "$WORK/aws.log" 2>&1 || explain; }

if [ "$1" = put ]; then
  cd "$WORK"
  for name in "$STACK"-*.rdb; do copy "$name" "s3://$BUCKET/$name"; rm "$name"; done
  echo "stored: s3://$BUCKET/$name"
else
  copy "s3://$BUCKET/$FROM" "$WORK/from.rdb"
fi
