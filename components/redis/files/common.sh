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
  printf 'AUTH %s\n'"$3"'\n' "$(password)" | timeout 5 redis-cli -h "$1" -p "$2" 2>&1
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

# Passwords, in the file `accepted` of the Secret, one a line: the first is the one to use, all are accepted. It is one
# file, so that whoever reads it while the kubelet replaces it has the old list or the new one, and no mixture.
# A Secret from before there was a list has the file `password` alone.
accepted() { cat "$AUTH/accepted" 2> /dev/null || cat "$AUTH/password" 2> /dev/null; }
password() { accepted | head -n 1; }
# `>a >b ...` of these passwords, as `user` in a configuration and ACL SETUSER take them.
rules() { echo "$1" | sed -n 's/^..*$/>&/p' | tr '\n' ' '; }

# as_default PORT PASSWORDS COMMANDS: the answers to the user `default`, by the first of PASSWORDS that is accepted.
as_default() {
  for try in $2; do
    answer=$(printf 'AUTH %s\n%s\n' "$try" "$3" | timeout 5 redis-cli -h "$LOCAL" -p "$1" 2>&1)
    case $answer in OK*) echo "$answer" && return ;; esac
  done
  return 1
}

# Whether this pod's Sentinel reaches somebody who answers its PINGs with nothing but errors, as to a password that is
# refused. It keeps such a connection for ever: it ends only those with no answer (sentinelCheckSubjectivelyDown). A
# server whose disk is full answers so too, and a failover is not to be disturbed.
refused() {
  questions=$(printf 'SENTINEL %s\n' "MASTER $NAME" "REPLICAS $NAME" "SENTINELS $NAME")
  as_default "$SENTINEL_PORT" "$1" "$questions" | awk -v down="$DOWN_AFTER" '
    key == "flags" && /failover_in_progress/ { busy = 1 }
    key == "last-ok-ping-reply" { ok = $1 }
    key == "last-ping-reply" && $1 < down && ok > down { found = 1 }
    { key = $1 }
    END { exit !found || busy }'
}

# follow_passwords PORT PASSWORDS: applies a change of the list to what listens at PORT, and keeps its connections.
# PASSWORDS are those it was started with. Run in the background by the script that starts it.
follow_passwords() {
  applied=$2 anew=0
  while sleep 1; do
    wanted=$(accepted) || continue
    [ -n "$wanted" ] || continue
    if [ "$wanted" = "$applied" ]; then
      # Setting the passwords again makes a Sentinel connect anew, to all: not more often than it takes to be sure.
      [ "$1" = "$SENTINEL_PORT" ] && [ "$(date +%s)" -ge "$anew" ] && refused "$applied" || continue
      anew=$(($(date +%s) + DOWN_AFTER * 3 / 1000))
    fi
    use=$(echo "$wanted" | head -n 1) commands="ACL SETUSER default resetpass $(rules "$wanted")"
    # Whoever accepts less speaks first with what stays: the password to use changes before the list.
    if [ "$1" = "$SENTINEL_PORT" ]; then
      commands="SENTINEL SET $NAME auth-pass $use\nSENTINEL CONFIG SET sentinel-pass $use\n$commands"
    else
      commands="CONFIG SET masterauth $use\n$commands"
    fi
    answers=$(as_default "$1" "$applied $wanted" "$(printf %b "$commands")") || continue
    case $answers in
      *ERR* | *NOPERM*) echo "the passwords could not be changed" >&2 ;;
      *) applied=$wanted && echo "accepts $(echo "$wanted" | grep -c .) password(s)" >&2 ;;
    esac
  done
}
