#!/bin/sh
# Puts the application's keys as $WORK/from.rdb has them into the primary that runs. The file is loaded into a throwaway
# server and checked first; then the keys are copied beside the running ones, compared element by element, and swapped in
# one transaction. Whatever fails before the swap leaves the running data untouched.
set -eu
. "${FILES:-/etc/backup}/throwaway.sh"
: "${WRITE_HOST:?}" "${FROM:?}"
began=$(date +%s)
TEMPORARY=restore:
primary() { redis-cli -h "$WRITE_HOST" -p "$PORT" "$@"; }
refuse() { say "$1"; fail "The running data is untouched."; }
tidy() {
  for key in $KEYS; do primary del "$TEMPORARY$key" > /dev/null 2>&1 || :; done
  unload
}

[ -s "$WORK/from.rdb" ] || refuse "$FROM is empty, or is not there."
intact "$WORK/from.rdb" || refuse "$FROM is damaged: $(why)"
stack=$(throwaway hget "$ABOUT" stack)
[ -n "$stack" ] || refuse "$FROM does not say of which stack it is: it is no backup of a journal."
[ "$stack" = "$STACK" ] || refuse "$FROM is of stack $stack, and this is stack $STACK."
for key in $KEYS; do
  counted=$(throwaway hget "$ABOUT" "count:$key")
  [ "$(count throwaway "$key")" = "$counted" ] || refuse "$FROM is damaged: $key has not the $counted elements that it had."
done
taken=$(throwaway hget "$ABOUT" taken)

[ "$(primary ping 2>&1)" = PONG ] || refuse "the primary does not answer at $WRITE_HOST: $(primary ping 2>&1 | head -n 1)"
trap tidy EXIT
swap=
for key in $KEYS; do
  primary del "$TEMPORARY$key" > /dev/null
  if [ "$(throwaway exists "$key")" = 0 ]; then
    swap="$swap
DEL $key"
    continue
  fi
  # redis-cli ends its answer with a line feed, which is not the value's.
  answer=$(throwaway --raw dump "$key" | head -c -1 | primary -x restore "$TEMPORARY$key" 0 2>&1)
  [ "$answer" = OK ] || refuse "the primary does not take $key: $answer"
  elements throwaway "$key" > "$WORK/wanted"
  elements primary "$TEMPORARY$key" > "$WORK/found"
  cmp -s "$WORK/wanted" "$WORK/found" || refuse "$key on the primary is not equal to the file's."
  say "$key: $(count primary "$TEMPORARY$key") elements, each equal to the file's"
  swap="$swap
RENAME $TEMPORARY$key $key"
done
# What clients were told of entries that are gone is forgotten: a request that comes again is a new one.
[ -z "${FORGET:-}" ] || swap="$swap
EVAL \"for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end\" 0 $FORGET"
printf 'MULTI%s\nEXEC\n' "$swap" | primary > "$WORK/swapped" 2>&1 || :
if grep -E '^\(?(error|ERR|EXECABORT|READONLY|NOREPLICAS|OOM|MISCONF|NOAUTH)' "$WORK/swapped" > "$WORK/refused"; then
  refuse "the primary refused the swap: $(head -n 1 "$WORK/refused")"
fi
for key in $KEYS; do
  left=$(primary exists "$TEMPORARY$key" 2>&1)
  [ "$left" = 0 ] || fail "the primary did not say that it swapped $key ($left). Run the restore again."
done
replicas=$(primary wait 1 5000)
now=$(date +%s)
say "restored $FROM into stack $STACK; $replicas replicas have it"
say "RPO: the backup was $((began - taken)) s old"
say "RTO: $((now - began)) s"
