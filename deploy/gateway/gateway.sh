#!/usr/bin/env bash
# The gateway: nginx before any number of instances of both daemons, as its container runs it and as
# the private stack and the tests do. Addresses come and go, nginx is reloaded when they do.
#
#   gateway.sh [run]         until SIGTERM or SIGINT; calls may end then, unless a second one comes
#   gateway.sh healthcheck   whether it takes connections
#
# Settings, all in the environment:
#   GATEWAY_ADDR                   where it listens, address:port; default 0.0.0.0:8443
#   GATEWAY_TLS_CERT_FILE, GATEWAY_TLS_KEY_FILE
#                                  PEM: the certificate's chain, its own first, and its key
#   GATEWAY_PLAINTEXT=true         instead of them: HTTP/1.1 without TLS, which no gRPC passes
#   GATEWAY_STREAM_GRPC, GATEWAY_STREAM_HTTP, GATEWAY_STREAMING_GRPC
#                                  instances: host:port, separated by commas or blanks. A name means
#                                  all addresses that it has; it is looked up again and again
#   GATEWAY_INSTANCES_FILE         a file of lines NAME=list with those three names, which count
#                                  before the environment's; read again and again, and at SIGHUP
#   GATEWAY_STATE                  the one directory that it writes to; default /run/gateway
#   GATEWAY_RESOLVE_SECONDS        between two looks at names, file and certificate; default 5
#   GATEWAY_DRAIN_SECONDS          how long calls may last on when a worker goes, at a reload and at
#                                  the end; default 30
#   GATEWAY_REQUESTS_PER_ADDRESS   open calls of one client address; default 2000
#   GATEWAY_WORKERS                nginx processes; default auto, one a core
# Lists are split at blanks, and [::1] is no pattern.
set -Eeufo pipefail

# From the first line on no signal is lost: these are seen to when there is something to do it with.
NGINX='' STOPS=0 AGAIN=''
trap 'STOPS=$((STOPS + 1))' TERM INT
trap 'AGAIN=yes' HUP
# Who reads the log may go.
trap '' PIPE

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ADDR=${GATEWAY_ADDR:-0.0.0.0:8443}
STATE=${GATEWAY_STATE:-/run/gateway}
RESOLVE_SECONDS=${GATEWAY_RESOLVE_SECONDS:-5}
# Of one list: more are left out, with a word in the log.
INSTANCES_MAX=64
LOOKUP_SECONDS=2
START_SECONDS=60
# What the file of instances said when it was last read, and which addresses each name had when it
# was last found.
LISTS=''
declare -A FOUND=()
# What need not be said again.
declare -A SAID=()

# Must not fail: a log that is full ends nothing.
say() { TZ=UTC printf '%(%FT%TZ)T gateway: %s\n' -1 "$*" >&2 || true; }
# say_once <what it is about> <words…>: until that is over.
say_once() {
  ((${#SAID[@]} < 1000)) || SAID=()
  [[ ${SAID[$1]:-} == "${*:2}" ]] || say "${*:2}"
  SAID[$1]=${*:2}
}
over() { [[ -z ${SAID[$1]:-} ]] || SAID[$1]=''; }
fail() {
  say "$*"
  exit 1
}

# --- configuration -------------------------------------------------------------------------------

# check_number <setting> <value> <least> <most>
check_number() {
  if [[ ! $2 =~ ^[0-9]{1,6}$ ]] || ((10#$2 < $3 || 10#$2 > $4)); then fail "$1 must be $3 to $4"; fi
}

write_listen() {
  if [[ -n ${GATEWAY_TLS_CERT_FILE:-} && -n ${GATEWAY_TLS_KEY_FILE:-} ]]; then
    cat <<LISTEN
listen $ADDR ssl http2 backlog=1024;
ssl_certificate "$GATEWAY_TLS_CERT_FILE";
ssl_certificate_key "$GATEWAY_TLS_KEY_FILE";
ssl_protocols TLSv1.2 TLSv1.3;
ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:\
ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:\
ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
ssl_ecdh_curve X25519:prime256v1:secp384r1;
ssl_prefer_server_ciphers off;
ssl_session_cache shared:tls:4m;
ssl_session_timeout 1h;
ssl_session_tickets off;
LISTEN
  elif [[ ${GATEWAY_PLAINTEXT:-} == true ]]; then
    echo "listen $ADDR backlog=1024;"
  else
    fail "GATEWAY_TLS_CERT_FILE and GATEWAY_TLS_KEY_FILE are missing (or GATEWAY_PLAINTEXT=true)"
  fi
}

write_configuration() {
  local drain=${GATEWAY_DRAIN_SECONDS:-30} requests=${GATEWAY_REQUESTS_PER_ADDRESS:-2000}
  local workers=${GATEWAY_WORKERS:-auto} user=
  check_number GATEWAY_DRAIN_SECONDS "$drain" 1 3600
  check_number GATEWAY_REQUESTS_PER_ADDRESS "$requests" 1 100000
  check_number GATEWAY_RESOLVE_SECONDS "$RESOLVE_SECONDS" 1 3600
  [[ $workers == auto ]] || check_number GATEWAY_WORKERS "$workers" 1 256
  [[ $ADDR =~ ^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}$ ]] ||
    fail "GATEWAY_ADDR must be address:port"
  # Only root can give its workers to somebody else, and must.
  ((EUID != 0)) || user='user www-data;'
  mkdir -p "$STATE/tmp"
  sed "s/@USER@/$user/; s/@WORKERS@/$workers/; s/@DRAIN_SECONDS@/$drain/
    s/@REQUESTS_PER_ADDRESS@/$requests/" "$HERE/nginx.conf" >"$STATE/nginx.conf"
  # For trying what is new.
  sed 's/include upstreams.conf;/include upstreams.new;/' "$STATE/nginx.conf" \
    >"$STATE/nginx.new.conf"
  write_listen >"$STATE/listen.conf"
}

# --- instances -----------------------------------------------------------------------------------

# Sets LISTS to what the file of instances says; one that cannot be read leaves what there was.
read_lists() {
  local file=${GATEWAY_INSTANCES_FILE:-} text
  [[ -n $file ]] || return 0
  if [[ -f $file ]] && text=$(head -c 60000 -- "$file" 2>/dev/null); then
    LISTS=$text
    over "$file"
  else
    say_once "$file" "$file cannot be read; instances stay as they are"
  fi
}

# Sets LIST to that of a setting: the file's, where it names it, else the environment's.
list_of() {
  LIST=${!1:-}
  [[ ! $'\n'$LISTS =~ .*$'\n'"$1="([^$'\n']*) ]] || LIST=${BASH_REMATCH[1]}
  LIST=${LIST//,/ }
}

# look_up <host:port>: sets FOUND to its addresses, one a line. A lookup that fails leaves what
# there was.
look_up() {
  local host=${1%:*} port=${1##*:} addresses
  addresses=$(timeout "$LOOKUP_SECONDS" getent ahostsv4 "$host" |
    sed -n "s/ *STREAM.*/:$port/p") ||
    addresses=$(timeout "$LOOKUP_SECONDS" getent ahostsv6 "$host" |
      sed -n "s/\(.*[^ ]\) *STREAM.*/[\1]:$port/p") || addresses=
  if [[ -n $addresses ]]; then
    FOUND[$1]=$addresses
    over "$host"
  elif [[ -z ${FOUND[$1]:-} ]]; then
    say_once "$host" "$host is not known yet"
  fi
}

# Sets ADDRESSES to those of a list, sorted, each once. What the shell would put into a file when it
# is long goes through pipes: no full disk may make a list shorter.
addresses_of() {
  local instance found='' looked=0 LIST
  list_of "$1"
  for instance in $LIST; do
    ((looked++ < 4 * INSTANCES_MAX)) || break
    if [[ ! $instance =~ ^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}$ ]]; then
      say_once "$1 $instance" "$1: '$instance' is not host:port and is left out"
    elif [[ $instance =~ ^[0-9.]+: || $instance == \[* ]]; then
      found+=$instance$'\n'
    else
      # Names wait for their server: not if somebody waits for the end.
      ((STOPS > 0)) || look_up "$instance"
      found+=${FOUND[$instance]:-}$'\n'
      NAMES[$instance]=yes
    fi
  done
  found=$(printf '%s' "$found" | sort -u | sed '/^$/d') || return 1
  # shellcheck disable=SC2206  # one word each
  ADDRESSES=($found)
  if ((${#ADDRESSES[@]} > INSTANCES_MAX)); then
    say_once "$1" "$1: more than $INSTANCES_MAX instances, the others are left out"
    ADDRESSES=("${ADDRESSES[@]:0:INSTANCES_MAX}")
  else
    over "$1"
  fi
}

# add_upstream <name> <list> <further lines>: to TEXT.
add_upstream() {
  local -a ADDRESSES
  addresses_of "$2" || return 1
  TEXT+="upstream $1 {"$'\n'"  zone $1 256k;"$'\n'"${3:+  $3$'\n'}"
  # Without max_fails one that failed is left out for ten seconds, also when it is back long since
  # and the others are being restarted.
  ((${#ADDRESSES[@]} == 0)) || TEXT+=$(printf '  server %s max_fails=0;\n' "${ADDRESSES[@]}")$'\n'
  ((${#ADDRESSES[@]})) || TEXT+=$'  server 127.0.0.1:9 down;  # none is known\n'
  # Shorter than the daemons keep idle connections (pings after a minute, half a minute's HTTP).
  TEXT+=$'  keepalive 64;\n  keepalive_requests 10000;\n  keepalive_time 10m;\n'
  TEXT+=$'  keepalive_timeout 30s;\n}\n'
  COUNT=$((COUNT + ${#ADDRESSES[@]}))
}

# Sets TEXT to what nginx shall read, COUNT to how many instances that are.
compose_upstreams() {
  local certificate name
  local -A NAMES=()
  TEXT='' COUNT=0
  read_lists
  add_upstream stream-grpc GATEWAY_STREAM_GRPC '' || return 1
  add_upstream streaming-grpc GATEWAY_STREAMING_GRPC '' || return 1
  # A webhook's path ends in its link, so one instance gets all events of one link.
  # shellcheck disable=SC2016  # $uri is nginx's
  add_upstream stream-http GATEWAY_STREAM_HTTP 'hash $uri consistent;' || return 1
  for name in "${!FOUND[@]}"; do
    [[ -n ${NAMES[$name]:-} ]] || unset "FOUND[$name]"
  done
  # A renewed one is read at a reload, for which the text must differ.
  if [[ -n ${GATEWAY_TLS_CERT_FILE:-} ]]; then
    certificate=$(sha256sum -- "$GATEWAY_TLS_CERT_FILE" 2>/dev/null) || return 1
    TEXT+="# certificate ${certificate%% *}"$'\n'
  fi
}

# --- nginx ---------------------------------------------------------------------------------------

# run_nginx <configuration> <arguments…>, in place of this shell: a line of its error log is about a
# request from its client on, and that part may hold a query.
run_nginx() {
  # It goes when this script is killed.
  exec setpriv --pdeathsig TERM -- nginx -p "$STATE/" -c "$STATE/$1" -e stderr "${@:2}" \
    > >(trap '' INT TERM && exec cat) \
    2> >(trap '' INT TERM && exec sed -u 's/, client: .*//' >&2)
}

# Looks at everything anew. Succeeds when nginx has something to read that is different and good;
# else what there was stays, and the next look tries again. It is called where a command that fails
# does not end the script, so each is asked whether it did.
look() {
  local trouble=
  if ! compose_upstreams; then
    trouble="${GATEWAY_TLS_CERT_FILE:-a list} cannot be read"
  elif [[ $TEXT == "$CURRENT" ]]; then
    over look
    return 1
  elif ! printf '%s' "$TEXT" >"$STATE/upstreams.new"; then
    trouble="$STATE cannot be written to"
  elif ! (run_nginx nginx.new.conf -t -q); then
    trouble="nginx refuses what would be new"
  elif ! mv -f "$STATE/upstreams.new" "$STATE/upstreams.conf"; then
    trouble="$STATE cannot be written to"
  fi
  if [[ -n $trouble ]]; then
    say_once look "$trouble${CURRENT:+; going on with what there was}"
    return 1
  fi
  over look
  CURRENT=$TEXT
}

# Open calls may end at the first request to stop, and not at the second.
end_nginx() {
  local signal=QUIT
  ((STOPS < 2)) || signal=TERM
  kill "-$signal" "$NGINX" 2>/dev/null || true
}
stop() {
  ((++STOPS > 1)) || say "stopping"
  [[ -z $NGINX ]] || end_nginx
}

# pause <pid of nginx>: a second, but no longer than nginx lives or until a signal comes. One that
# comes just before is seen to after this second.
pause() {
  sleep 1 &
  wait -n "$1" $! || true
  kill $! 2>/dev/null || true
}

# Sets NGINX once it is there and knows what signals mean.
start_nginx() {
  local waited=0 pid
  rm -f "$STATE/gateway.pid"
  run_nginx nginx.conf &
  pid=$!
  until [[ -s $STATE/gateway.pid ]]; do
    kill -0 "$pid" 2>/dev/null || fail "nginx does not start"
    if ((++waited > START_SECONDS * 50)); then
      kill -KILL "$pid"
      fail "nginx did not start within $START_SECONDS s"
    fi
    sleep 0.02
  done
  NGINX=$pid
}

# Looks again and again, and reloads, until nginx ends or shall.
follow() {
  local waited=0
  while kill -0 "$NGINX" 2>/dev/null && ((STOPS == 0)); do
    if [[ -z $AGAIN ]] && ((waited++ < RESOLVE_SECONDS)); then
      pause "$NGINX"
      continue
    fi
    AGAIN='' waited=0
    if look && ((STOPS == 0)); then
      say "instances: $COUNT; reloading"
      kill -HUP "$NGINX" 2>/dev/null || true
    fi
  done
}

run() {
  local status=0 files asked=0
  CURRENT=''
  trap stop TERM INT
  # Two descriptors a call.
  files=$(ulimit -Hn)
  if [[ $files == unlimited ]] || ((files > 16384)); then files=16384; fi
  ulimit -Sn "$files" || true
  write_configuration
  look || ((STOPS > 0)) || fail "it cannot start like this"
  ((STOPS == 0)) || exit 0
  start_nginx
  say "listening on $ADDR"
  follow
  # It is asked more than once, since it forgets what it is asked in the moment before it waits.
  while kill -0 "$NGINX" 2>/dev/null; do
    ((asked++ >= 3)) || end_nginx
    pause "$NGINX"
  done
  wait "$NGINX" || status=$?
  ((STOPS > 0)) || fail "nginx ended ($status)"
}

healthcheck() {
  local host=${ADDR%:*}
  case $host in 0.0.0.0 | '[::]') host=127.0.0.1 ;; esac
  (exec 3<>"/dev/tcp/$host/${ADDR##*:}") 2>/dev/null
}

case ${1:-run} in
  run) run ;;
  healthcheck)
    trap - TERM INT HUP
    healthcheck
    ;;
  *) fail "gateway.sh [run | healthcheck]" ;;
esac
