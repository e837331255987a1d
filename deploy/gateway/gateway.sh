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
set -Eeuo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ADDR=${GATEWAY_ADDR:-0.0.0.0:8443}
STATE=${GATEWAY_STATE:-/run/gateway}
RESOLVE_SECONDS=${GATEWAY_RESOLVE_SECONDS:-5}
# Of one list: more are left out, with a word in the log.
INSTANCES_MAX=64
LOOKUP_SECONDS=2
# What each name led to when it was last found.
declare -A FOUND=()
# Long lists wait in files of the shell.
export TMPDIR=$STATE
# What need not be said again.
declare -A SAID=()

say() { printf '%s gateway: %s\n' "$(date -u +%FT%TZ)" "$*" >&2; }
say_once() {
  [[ -n ${SAID[$*]:-} ]] || say "$*"
  SAID[$*]=yes
}
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
  write_listen >"$STATE/listen.conf"
}

# --- instances -----------------------------------------------------------------------------------

# The list that a setting has now: the file's, where there is one, else the environment's.
list_of() {
  local list=${!1:-} line
  if [[ -n ${GATEWAY_INSTANCES_FILE:-} && -r $GATEWAY_INSTANCES_FILE ]]; then
    while IFS= read -r line || [[ -n $line ]]; do
      [[ $line != "$1="* ]] || list=${line#*=}
    done <"$GATEWAY_INSTANCES_FILE"
  fi
  tr ',' ' ' <<<"$list"
}

# Sets FOUND[host:port] to its addresses, one a line. A lookup that fails leaves what there was.
look_up() {
  local host=${1%:*} port=${1##*:} addresses
  if [[ $host =~ ^[0-9.]+$ || $host == \[*\] ]]; then
    FOUND[$1]=$1
    return
  fi
  addresses=$(timeout "$LOOKUP_SECONDS" getent ahostsv4 "$host" | sed -n "s/ *STREAM.*/:$port/p") ||
    addresses=$(timeout "$LOOKUP_SECONDS" getent ahostsv6 "$host" |
      sed -n "s/\(.*[^ ]\) *STREAM.*/[\1]:$port/p") || addresses=
  if [[ -n $addresses ]]; then
    FOUND[$1]=$addresses
  elif [[ -z ${FOUND[$1]:-} ]]; then
    say_once "$host is not known yet"
  fi
}

# Sets ADDRESSES to those of a list, sorted, each once.
addresses_of() {
  local instance found=
  for instance in $(list_of "$1"); do
    if [[ ! $instance =~ ^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}$ ]]; then
      say_once "$1: '$instance' is not host:port and is left out"
      continue
    fi
    look_up "$instance"
    found+=${FOUND[$instance]:-}$'\n'
  done
  mapfile -t ADDRESSES < <(sort -u <<<"$found" | sed '/^$/d')
  if ((${#ADDRESSES[@]} > INSTANCES_MAX)); then
    say_once "$1: more than $INSTANCES_MAX instances, the others are left out"
    ADDRESSES=("${ADDRESSES[@]:0:INSTANCES_MAX}")
  fi
}

# write_upstream <name> <list> <further lines>
write_upstream() {
  local address
  local -a ADDRESSES
  addresses_of "$2"
  printf 'upstream %s {\n  zone %s 256k;\n' "$1" "$1"
  [[ -z $3 ]] || printf '  %s\n' "$3"
  # Without max_fails one that failed is left out for ten seconds, also when it is back long since
  # and the others are being restarted.
  for address in "${ADDRESSES[@]}"; do printf '  server %s max_fails=0;\n' "$address"; done
  ((${#ADDRESSES[@]})) || echo '  server 127.0.0.1:9 down;  # none is known'
  # Shorter than the daemons keep idle connections (pings after a minute, half a minute's HTTP).
  printf '  keepalive 64;\n  keepalive_requests 10000;\n  keepalive_time 10m;\n'
  printf '  keepalive_timeout 30s;\n}\n'
}

write_upstreams() {
  write_upstream stream-grpc GATEWAY_STREAM_GRPC ''
  write_upstream streaming-grpc GATEWAY_STREAMING_GRPC ''
  # A webhook's path ends in its link, so one instance gets all events of one link.
  # shellcheck disable=SC2016  # $uri is nginx's
  write_upstream stream-http GATEWAY_STREAM_HTTP 'hash $uri consistent;'
  # A renewed one is read at a reload, for which this file must differ.
  if [[ -n ${GATEWAY_TLS_CERT_FILE:-} ]]; then
    sha256sum <"$GATEWAY_TLS_CERT_FILE" | sed 's/^/# certificate /'
  fi
}

# --- nginx ---------------------------------------------------------------------------------------

# nginx <arguments…>, in place of this shell: a line of its error log is about a request from its
# client on, and that part may hold a query.
run_nginx() {
  # It goes when this script is killed.
  exec setpriv --pdeathsig TERM -- nginx -p "$STATE/" -c "$STATE/nginx.conf" -e stderr "$@" \
    > >(trap '' INT TERM && exec cat) \
    2> >(trap '' INT TERM && exec sed -u 's/, client: .*//' >&2)
}

# Looks at everything anew; nginx is told when something is different and good.
refresh() {
  write_upstreams >"$STATE/upstreams.new"
  ! cmp -s "$STATE/upstreams.new" "$STATE/upstreams.conf" || return 0
  cp "$STATE/upstreams.conf" "$STATE/upstreams.old"
  mv "$STATE/upstreams.new" "$STATE/upstreams.conf"
  if (run_nginx -t -q); then
    say "instances: $(grep -c '^  server.*max_fails' "$STATE/upstreams.conf" || true); reloading"
    kill -HUP "$NGINX"
  else
    say "nginx refuses what would be new; going on with what there was"
    mv "$STATE/upstreams.old" "$STATE/upstreams.conf"
  fi
}

# Open calls may end at the first request to stop, and not at the second.
stop() {
  [[ -n $NGINX ]] || exit 0
  if ((++STOPS == 1)); then
    say "stopping"
    kill -QUIT "$NGINX" 2>/dev/null || true
  else
    kill -TERM "$NGINX" 2>/dev/null || true
  fi
}

run() {
  local status=0 files
  NGINX='' STOPS=0
  trap stop TERM INT
  trap : HUP
  # Two descriptors a call.
  files=$(ulimit -Hn)
  if [[ $files == unlimited ]] || ((files > 16384)); then files=16384; fi
  ulimit -Sn "$files" || true
  write_configuration
  write_upstreams >"$STATE/upstreams.conf"
  (run_nginx -t -q) || fail "nginx refuses the configuration"
  run_nginx &
  NGINX=$!
  say "listening on $ADDR"
  while kill -0 "$NGINX" 2>/dev/null && ((STOPS == 0)); do
    sleep "$RESOLVE_SECONDS" &
    # Ends early when a signal comes, or nginx does.
    wait -n "$NGINX" $! || true
    kill $! 2>/dev/null || true
    ((STOPS > 0)) || ! kill -0 "$NGINX" 2>/dev/null || refresh
  done
  until wait "$NGINX"; do
    status=$?
    # A trap ends a wait, too.
    kill -0 "$NGINX" 2>/dev/null || break
    status=0
  done
  ((STOPS > 0)) || fail "nginx ended ($status)"
}

healthcheck() {
  local host=${ADDR%:*}
  case $host in 0.0.0.0 | '[::]') host=127.0.0.1 ;; esac
  (exec 3<>"/dev/tcp/$host/${ADDR##*:}") 2>/dev/null
}

case ${1:-run} in
  run) run ;;
  healthcheck) healthcheck ;;
  *) fail "gateway.sh [run | healthcheck]" ;;
esac
