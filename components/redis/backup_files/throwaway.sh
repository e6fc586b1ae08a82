# What take.sh and restore.sh share: a Redis in this pod that holds the data of one file, and questions to it.
# The environment: STACK, KEYS (the application's keys), SERVERS (hosts); the other variables are set by tests alone.
: "${FILES:=/etc/backup}" "${AUTH:=/etc/redis-auth}" "${WORK:=/work}"
. "$FILES/common.sh"
ABOUT=backup:about
REDISCLI_AUTH=$(cat "$AUTH/password")
export REDISCLI_AUTH
umask 077

fail() { echo "$1" >&2; exit 1; }
say() { echo "$1" >&2; }

# throwaway COMMAND...: asks the throwaway server, which has no password.
throwaway() { env -u REDISCLI_AUTH redis-cli -s "$WORK/throwaway.sock" "$@"; }

# load FILE: starts the throwaway server with the data of FILE. Fails with what the server says of a damaged file.
load() {
  unload
  rm -rf "$WORK/loaded"
  mkdir "$WORK/loaded"
  ln "$1" "$WORK/loaded/dump.rdb" 2>/dev/null || cp "$1" "$WORK/loaded/dump.rdb"
  redis-server --port 0 --unixsocket "$WORK/throwaway.sock" --dir "$WORK/loaded" --dbfilename dump.rdb --save "" \
    --appendonly no > "$WORK/throwaway.log" 2>&1 &
  server=$!
  until [ "$(throwaway ping 2>/dev/null)" = PONG ]; do
    kill -0 "$server" 2>/dev/null || { server=; return 1; }
    sleep 0.1
  done
}

unload() {
  [ -z "${server:-}" ] || { kill "$server" && wait "$server" || :; }
  server=
  rm -f "$WORK/throwaway.sock"
}
trap unload EXIT
trap 'exit 143' TERM

# intact FILE: whether it is the data of a Redis, whole and unchanged.
intact() {
  [ "$(head -c 5 "$1" | tr -d '\0')" = REDIS ] || { echo "it is no RDB file" > "$WORK/throwaway.log"; return 1; }
  if command -v redis-check-rdb > /dev/null; then
    redis-check-rdb "$1" > "$WORK/throwaway.log" 2>&1 || return 1
  fi
  load "$1"
}

why() { tail -n 3 "$WORK/throwaway.log"; }

# count CLIENT KEY: the number of the key's elements. CLIENT is `throwaway` or `primary`.
count() {
  case $("$1" type "$2") in
    hash) "$1" hlen "$2" ;;
    zset) "$1" zcard "$2" ;;
    none) echo 0 ;;
    *) fail "key $2 is of a type that backups do not know" ;;
  esac
}

# What `batch` does with the elements of a batch. Raw: those of a hash are many, and may be any bytes.
PACKED="return {cursor, cmsgpack.pack(found)}"
DIGESTS="local told = {cursor}
for i = 1, #found, 2 do told[#told + 1] = redis.sha1hex(cmsgpack.pack({found[i], found[i + 1]})) end
return told"
BATCH_BYTES=524288

# measure CLIENT KEY: sets how `batch` reads the key, and how many elements at a time.
measure() {
  size=$("$1" memory usage "$2") scan=HSCAN cursor=0
  [ "$("$1" type "$2")" = hash ] || scan=ZSCAN
  many=$((BATCH_BYTES * $(count "$1" "$2") / size + 1))
}

# batch CLIENT KEY WHAT: writes some of the key's elements to $WORK/batch, and sets `cursor` for the next batch; it is 0
# after the last. A server's answer to a client is limited, and its other clients wait for it.
batch() {
  "$1" --raw eval "local told = redis.call('$scan', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local cursor, found = told[1], told[2]
$3" 1 "$2" "$cursor" "$many" > "$WORK/batch"
  cursor=$(head -n 1 "$WORK/batch")
  case $cursor in "" | *[!0-9]*) fail "$2 cannot be read: $cursor" ;; esac
}

# elements CLIENT KEY: a digest of each element, sorted.
elements() {
  measure "$1" "$2"
  while :; do
    batch "$1" "$2" "$DIGESTS"
    tail -n +2 "$WORK/batch"
    [ "$cursor" != 0 ] || break
  done | LC_ALL=C sort -u
}
