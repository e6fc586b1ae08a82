# What the scripts share. The environment names the servers: NAME (of the primary, for Sentinel), SERVERS (the hosts of
# all servers, in one order everywhere), SELF (this one's host), QUORUM. The other variables are set by tests alone.
: "${PORT:=6379}" "${STATE_PORT:=6380}" "${SENTINEL_PORT:=26379}" "${BIND:=* -::*}" "${DATA:=/data}" "${RUN:=/run/redis}"
: "${FILES:=/etc/redis}" "${AUTH:=/etc/redis-auth}" "${DOWN_AFTER:=5000}" "${PATIENCE:=30}"
LOCAL=${LOCAL:-127.0.0.1}
HEALTH="user health on nopass resetkeys resetchannels -@all +ping +info"

# ask HOST PORT COMMAND...: the answer to the user `health`, who needs no password; nothing where nobody answers.
ask() {
  host=$1 port=$2
  shift 2
  timeout 2 redis-cli -h "$host" -p "$port" --user health --pass any --no-auth-warning "$@" 2>/dev/null | tr -d '\r'
}

# tell HOST PORT COMMAND: the answer to a command that needs the password. A line each for COMMAND's lines.
tell() {
  printf 'AUTH %s\n'"$3"'\n' "$(cat "$AUTH/password")" | timeout 5 redis-cli -h "$1" -p "$2" 2>&1
}

# field NAME: the value of a line `NAME:value` of INFO.
field() { sed -n "s/^$1://p"; }

# The primary as the Sentinel at HOST sees it; nothing when it does not answer.
primary_by_sentinel() {
  ask "$1" "$SENTINEL_PORT" info sentinel | sed -n 's/^master0:.*address=\(.*\):[0-9]*,slaves=.*/\1/p'
}

# fact HOST: what HOST says of itself, as decide.awk reads it.
fact() {
  info=$(ask "$1" "$PORT" info replication)
  role=$(echo "$info" | field role)
  if [ -n "$role" ]; then
    echo "server $1 running $role $(echo "$info" | field master_host)"
    return
  fi
  state=$(ask "$1" "$STATE_PORT" get state)
  if [ -n "$state" ]; then echo "server $1 starting $state"; else echo "server $1 silent"; fi
}

# What all servers and Sentinels say, asked at once, in the order of SERVERS.
facts() {
  seen=$(mktemp -d "$RUN/facts.XXXXXX") asked=
  for host in $SERVERS; do
    {
      [ "$host" = "${1:-}" ] || fact "$host"
      primary=$(primary_by_sentinel "$host")
      [ -z "$primary" ] || echo "sentinel $host $primary"
    } > "$seen/$host" &
    asked="$asked $!"
  done
  # shellcheck disable=SC2086 # a list
  wait $asked
  for host in $SERVERS; do cat "$seen/$host"; done
  rm -r "$seen"
}
