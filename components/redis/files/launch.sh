#!/bin/sh
# Starts a server: as a replica of the primary that there is, or, where there is none, once all servers have said what
# data they have, the one with the newest as the primary (decide.awk). Silence is no answer: then it waits.
set -eu
. "${FILES:-/etc/redis}/common.sh"
umask 077
passwords=$(accepted) password=$(password)
appendonly=$DATA/appendonlydir

# The last heartbeat in the data, and the bytes written after it; "empty 0" for no data.
position() {
  manifest=$appendonly/appendonly.aof.manifest after=0
  [ -s "$manifest" ] || { echo "empty 0"; return; }
  for entry in $(sed -n 's/^file \(.*\) seq [0-9]* type \([bi]\)$/\2:\1/p' "$manifest" | sed '1!G;h;$!d'); do
    file=$appendonly/${entry#*:}
    [ -f "$file" ] || continue
    found=$(grep -abo 'beat=[0-9]\{10\};' "$file" | tail -n 1)
    beat=${found##*beat=} at=${found%%:*}
    case $entry in i:*) after=$((after + $(stat -c %s "$file") - ${at:-0})) ;; esac
    [ -z "$found" ] || { echo "${beat%;} $after"; return; }
  done
  echo "0 $after"
}

# Lets the other servers ask for our state at STATE_PORT: a Redis with nothing else in it.
answer() {
  redis-server - > /dev/null <<-END &
	port $STATE_PORT
	bind $BIND
	unixsocket $RUN/state.sock
	protected-mode no
	save ""
	dir $RUN
	user default on $(rules "$passwords")~* +@all
	$HEALTH ~state +get
	END
  answerer=$!
  until [ -S "$RUN/state.sock" ]; do sleep 0.05; done
}

say() { printf 'AUTH %s\nSET state "%s"\n' "$password" "$data $1" | redis-cli -s "$RUN/state.sock" > /dev/null; vote=$1; }

decide() {
  {
    echo "self $SELF"
    echo "servers $SERVERS"
    facts "$SELF"
    echo "server $SELF starting $data $vote"
    [ ! -e "$RUN/told" ] || echo told
    [ $(($(date +%s) - began)) -lt "$PATIENCE" ] || echo patient
  } > "$RUN/decision"
  awk -f "$FILES/decide.awk" "$RUN/decision"
}

began=$(date +%s) data=$(position) said=
rm -f "$RUN/state.sock"
answer
trap 'kill $answerer' EXIT
trap 'exit 143' TERM
say none
while :; do
  decision=$(decide)
  case $decision in
    "vote "*) say "${decision#vote }" ;;
    lead) role= priority=100 && break ;;
    "follow "*) role="replicaof ${decision#follow } $PORT" priority=0 && break ;;
    "succeed "*) role="replicaof ${decision#succeed } $PORT" priority=100 && break ;;
    *)
      if [ "$decision" != "$said" ]; then
        echo "not starting yet: $decision. Its own data: $data (docs/runbooks.md, Redis does not start)" >&2
        said=$decision
      fi
      sleep 0.3
      ;;
  esac
done
echo "$decision, with the data: $data" >&2
rm -f "$RUN/told" "$RUN/stopping"
passwords=$(accepted)
cat > "$RUN/server.conf" <<END
include $FILES/redis.conf
port $PORT
bind $BIND
dir $DATA
user default on $(rules "$passwords")~* &* +@all
masterauth $(echo "$passwords" | head -n 1)
$HEALTH
replica-announce-ip $SELF
replica-announce-port $PORT
replica-priority $priority
$role
END
if [ "$SERVERS" != "$SELF" ]; then sh "$FILES/beat.sh" & fi
trap - EXIT
kill "$answerer"
follow_passwords "$PORT" "$passwords" &
exec redis-server "$RUN/server.conf"
