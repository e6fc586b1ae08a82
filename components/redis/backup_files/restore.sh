#!/bin/sh
# Puts the application's keys as $WORK/from.rdb has them into the primary that runs. The file is loaded into a throwaway
# server and checked first; then the keys are copied beside the running ones, compared element by element, and swapped in
# one transaction. Whatever fails before the swap leaves the running data untouched.
set -eu
. "${FILES:-/etc/backup}/throwaway.sh"
: "${WRITE_HOST:?}" "${FROM:?}" "${DEADLINE:?}"
began=$(date +%s)
TEMPORARY=restore:
LOCK=restore:lock
# Adds the elements of a batch to a key of a kind.
ADD="local found = cmsgpack.unpack(ARGV[2])
for i = 1, #found, 2 do
  if ARGV[1] == 'hash' then redis.call('HSET', KEYS[1], found[i], found[i + 1])
  else redis.call('ZADD', KEYS[1], found[i + 1], found[i]) end
end
return #found / 2"
primary() { redis-cli -h "$WRITE_HOST" -p "$PORT" "$@"; }
refuse() { say "$1"; fail "The running data is untouched."; }
tidy() {
  for key in $KEYS; do primary unlink "$TEMPORARY$key" > /dev/null 2>&1 || :; done
  primary del "$LOCK" > /dev/null 2>&1 || :
  unload
}

# copy KEY: adds the elements of a key of the throwaway server to the temporary key, batch after batch.
copy() {
  measure throwaway "$1"
  kind=$(throwaway type "$1")
  while :; do
    batch throwaway "$1" "$PACKED"
    # redis-cli ends its answer with a line feed, which is not the batch's.
    answer=$(tail -n +2 "$WORK/batch" | head -c -1 | primary -x eval "$ADD" 1 "$TEMPORARY$1" "$kind" 2>&1)
    case $answer in "" | *[!0-9]*) refuse "the primary does not take $1: $answer" ;; esac
    [ "$cursor" != 0 ] || return 0
  done
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

answer=$(primary set "$LOCK" "$HOSTNAME" nx ex "$DEADLINE" 2>&1)
case $answer in
  OK) ;;
  "") refuse "another restore is running, in pod $(primary get "$LOCK"). If that pod is gone, wait $(primary ttl "$LOCK") s." ;;
  *) refuse "the primary at $WRITE_HOST does not take the lock: $answer" ;;
esac
trap tidy EXIT
swap=
for key in $KEYS; do
  primary unlink "$TEMPORARY$key" > /dev/null
  if [ "$(throwaway exists "$key")" = 0 ]; then
    swap="$swap
DEL $key"
    continue
  fi
  copy "$key"
  elements throwaway "$key" > "$WORK/wanted"
  elements primary "$TEMPORARY$key" > "$WORK/found"
  cmp -s "$WORK/wanted" "$WORK/found" || refuse "$key on the primary is not equal to the file's."
  say "$key: $(wc -l < "$WORK/found") elements, each equal to the file's"
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
say "RTO: $((now - began)) s in the restore itself"
