# shellcheck shell=bash
# The private stack: servers, platform_sim, daemons and gateway, on free loopback ports. Everything
# it owns (data, pids, logs, secrets) lies in one state directory. Sourced by ./dev.

STATE=$ROOT/.dev
READY_SECONDS=60
STOP_SECONDS=30
DEMO_POOL_MEMBERS=10000
INSTANCES_MAX=8
ADDRESSES=(NATS REDIS MYSQL PLATFORM_SIM STREAM_GRPC STREAM_HTTP STREAM_ADMIN STREAMING_GRPC
  STREAMING_ADMIN GATEWAY)

# --- its shape -----------------------------------------------------------------------------------

# shape_parts <instances> <scheme>: one daemon of each and a gateway for webhooks, unless
# `up --gateway --instances N` asks for more. Further instances are stream-2, streaming-2, ….
shape_parts() {
  local i
  INSTANCES=$1 SCHEME=$2
  # In the order in which they start; they stop in reverse.
  PARTS=(nats redis mariadb platform_sim gateway stream streaming)
  for ((i = 2; i <= INSTANCES; i++)); do PARTS+=("stream-$i" "streaming-$i"); done
}
# What runs, or ran last, may have another shape.
load_shape() {
  local instances=1 scheme=http
  [[ ! -e $STATE/shape ]] || read -r instances scheme <"$STATE/shape"
  shape_parts "$instances" "$scheme"
}
shape_parts 1 http

# --- processes ---------------------------------------------------------------------------------

# When a process started, in clock ticks since boot; nothing for one that is gone or a zombie. Pids
# are used again, (pid, start) never is.
start_time() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  # The name in parentheses may hold anything; after it come state (field 3) and the rest.
  read -ra stat <<<"${stat##*) }"
  [[ ${stat[0]} == Z ]] || echo "${stat[19]}"
}

# Prints the pid of a part that runs, or fails.
pid_of() {
  local pid started
  read -r pid started 2>/dev/null <"$STATE/pids/$1" || return 1
  [[ -n $started && $(start_time "$pid") == "$started" ]] && echo "$pid"
}

# launch <part> <command…>: in the background, in a session of its own that Ctrl-C does not reach.
launch() {
  local part=$1 pid
  shift
  setsid "$@" </dev/null >>"$STATE/logs/$part.log" 2>&1 &
  pid=$!
  echo "$pid $(start_time $pid)" >"$STATE/pids/$part"
}

stop_part() {
  local pid waited=0
  if pid=$(pid_of "$1"); then
    kill -TERM "$pid" 2>/dev/null || true
    while pid_of "$1" >/dev/null; do
      if ((++waited > STOP_SECONDS * 10)); then
        say "$1 did not stop within $STOP_SECONDS s: killed"
        kill -KILL "$pid" 2>/dev/null || true
        break
      fi
      sleep 0.1
    done
  fi
  rm -f "$STATE/pids/$1"
}

# --- what the parts are told ---------------------------------------------------------------------

random_hex() { openssl rand -hex "$1"; }

# Free loopback ports, one a line: all are held at once, so that no two are the same.
free_ports() {
  python3 -c '
import socket, sys
sockets = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in sockets: s.bind(("127.0.0.1", 0))
for s in sockets: print(s.getsockname()[1])' "$1"
}

# Secrets live as long as the data that they protect.
create_secrets() {
  [[ -e $STATE/secrets ]] || cat >"$STATE/secrets" <<SECRETS
AUTH_KEY=$(random_hex 32)
MYSQL_PASSWORD=$(random_hex 16)
TWITCH_CLIENT_ID=$(random_hex 15)
TWITCH_CLIENT_SECRET=$(random_hex 15)
TWITCH_WEBHOOK_SECRET=$(random_hex 16)
TOKEN_ENCRYPTION_KEY=$(openssl rand -base64 32)
DEMO_GAME_SERVICE_ID=$(cat /proc/sys/kernel/random/uuid)
SECRETS
}

# Ports, and the shape, live as long as any process that listens on them.
choose_ports() {
  local -a ports
  local i
  mapfile -t ports < <(free_ports $((${#ADDRESSES[@]} + 5 * (INSTANCES - 1))))
  for i in "${!ADDRESSES[@]}"; do
    echo "${ADDRESSES[i]}_ADDR=127.0.0.1:${ports[i]}"
  done >"$STATE/addresses"
  echo "$INSTANCES $SCHEME" >"$STATE/shape"
  list_instances "${ports[@]:${#ADDRESSES[@]}}" >"$STATE/instances"
}

# list_instances <ports of those after the first>: lists for the gateway, and of admin ports. The
# lists of names are as long as each other.
list_instances() {
  local list i=0
  # shellcheck source=/dev/null
  source "$STATE/addresses"
  for list in STREAM_GRPC STREAM_HTTP STREAM_ADMIN STREAMING_GRPC STREAMING_ADMIN; do
    local first=${list}_ADDR
    printf 'GATEWAY_%s=%s' "$list" "${!first}"
    for ((i = 2; i <= INSTANCES; i++)); do
      printf ',127.0.0.1:%s' "$1"
      shift
    done
    echo
  done
}

# address_of <part> <GRPC|HTTP|ADMIN>: of a daemon's instance.
address_of() {
  local daemon=${1%-*} number=1 list
  [[ $1 == "$daemon" ]] || number=${1##*-}
  list=$(grep "^GATEWAY_${daemon^^}_$2=" "$STATE/instances")
  cut -d , -f "$number" <<<"${list#*=}"
}

load_stack() {
  [[ -e $STATE/addresses ]] || fail "no stack here: ./dev up starts one"
  # shellcheck source=/dev/null
  source "$STATE/secrets"
  # shellcheck source=/dev/null
  source "$STATE/addresses"
  load_shape
}

# Settings of both daemons as NAME=value lines. What the caller has exported besides (a log level,
# an interval) reaches them too.
write_settings() {
  local daemon
  {
    for daemon in STREAM STREAMING; do
      cat <<SETTINGS
${daemon}_ENABLED=true
${daemon}_NATS_URL=nats://$NATS_ADDR
${daemon}_REDIS_ADDR=$REDIS_ADDR
${daemon}_MYSQL_ADDR=$MYSQL_ADDR
${daemon}_MYSQL_USER=bannou
${daemon}_MYSQL_PASSWORD=$MYSQL_PASSWORD
${daemon}_MYSQL_DATABASE=${daemon,,}
${daemon}_AUTH_HS256_KEY=$AUTH_KEY
${daemon}_AUTH_ISSUER=bannou
${daemon}_AUTH_AUDIENCE=bannou-streaming
SETTINGS
    done
    cat <<SETTINGS
STREAM_PUBLIC_URL=$SCHEME://$GATEWAY_ADDR
STREAM_TWITCH_ID_URL=http://$PLATFORM_SIM_ADDR
STREAM_TWITCH_API_URL=http://$PLATFORM_SIM_ADDR
STREAM_TWITCH_CLIENT_ID=$TWITCH_CLIENT_ID
STREAM_TWITCH_CLIENT_SECRET=$TWITCH_CLIENT_SECRET
STREAM_TWITCH_WEBHOOK_SECRET=$TWITCH_WEBHOOK_SECRET
STREAM_YOUTUBE_ACCOUNTS_URL=http://$PLATFORM_SIM_ADDR
STREAM_YOUTUBE_TOKEN_URL=http://$PLATFORM_SIM_ADDR
STREAM_YOUTUBE_API_URL=http://$PLATFORM_SIM_ADDR
STREAM_YOUTUBE_HUB_URL=http://$PLATFORM_SIM_ADDR
STREAM_YOUTUBE_CLIENT_ID=$TWITCH_CLIENT_ID
STREAM_YOUTUBE_CLIENT_SECRET=$TWITCH_CLIENT_SECRET
STREAM_YOUTUBE_WEBHOOK_TOKEN=$TWITCH_WEBHOOK_SECRET
STREAM_TOKEN_ENCRYPTION_KEY=$TOKEN_ENCRYPTION_KEY
SETTINGS
    if (($#)); then grep -v '^#' "$1"; fi
  } >"$STATE/settings"
}

# What scripts need to talk to the stack; `. .dev/env` is enough.
write_env() {
  {
    grep -v '^NATS_' "$STATE/addresses"
    printf '%s\n' "NATS_URL=nats://$NATS_ADDR" "MYSQL_USER=bannou" \
      "MYSQL_PASSWORD=$MYSQL_PASSWORD" "STREAM_TWITCH_WEBHOOK_SECRET=$TWITCH_WEBHOOK_SECRET" \
      "DEMO_GAME_SERVICE_ID=$DEMO_GAME_SERVICE_ID" "GATEWAY_URL=$SCHEME://$GATEWAY_ADDR"
    [[ $SCHEME == http ]] || echo "GATEWAY_CA=$STATE/tls/ca.crt"
  } | sed 's/^/export /' >"$STATE/env"
}

# --- starting ------------------------------------------------------------------------------------

start_mariadb() {
  # A tmpdir of its own: at start the server removes what looks like its temporary tables there,
  # those of others included.
  local data=$STATE/data/mariadb tmp=$STATE/data/mariadb.tmp user
  user=$(id -un)
  mkdir -p "$tmp"
  if [[ ! -e $data/ready ]]; then
    rm -rf "$data"
    mariadb-install-db --no-defaults --user="$user" --datadir="$data" --tmpdir="$tmp" \
      --skip-test-db >>"$STATE/logs/mariadb.log" 2>&1 ||
      fail "mariadb-install-db: see $STATE/logs/mariadb.log"
    touch "$data/ready"
  fi
  # Runs at every start and changes nothing the second time.
  cat >"$STATE/init.sql" <<SQL
CREATE USER IF NOT EXISTS 'bannou'@'127.0.0.1' IDENTIFIED BY '$MYSQL_PASSWORD';
CREATE DATABASE IF NOT EXISTS stream;
CREATE DATABASE IF NOT EXISTS streaming;
GRANT ALL ON stream.* TO 'bannou'@'127.0.0.1';
GRANT ALL ON streaming.* TO 'bannou'@'127.0.0.1';
SQL
  # A relative socket lies in the data directory; an absolute one may be too long for the kernel.
  launch mariadb mariadbd --no-defaults --user="$user" --datadir="$data" --tmpdir="$tmp" \
    --socket=private.sock --bind-address=127.0.0.1 --port="${MYSQL_ADDR##*:}" \
    --pid-file="$data/mariadbd.pid" --init-file="$STATE/init.sql" --skip-name-resolve \
    --innodb-buffer-pool-size=64M
}

# launch_daemon <part>: an instance, with its daemon's settings and its own addresses in its
# environment.
launch_daemon() {
  local daemon=${1%-*} prefix kind
  local -a settings addresses=()
  prefix=${daemon^^}
  mapfile -t settings < <(grep "^${prefix}_" "$STATE/settings")
  for kind in GRPC HTTP ADMIN; do
    [[ $kind == HTTP && $daemon == streaming ]] ||
      addresses+=("${prefix}_${kind}_ADDR=$(address_of "$1" "$kind")")
  done
  launch "$1" env "${addresses[@]}" "${settings[@]}" "$BIN/$daemon"
}

# An authority that nobody else trusts and a certificate of it for this machine, for a month.
make_certificates() {
  local tls=$STATE/tls
  rm -rf "$tls"
  mkdir -p "$tls"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
    -subj '/CN=authority of a private stack' -keyout "$tls/ca.key" -out "$tls/ca.crt" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
    -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -keyout "$tls/tls.key" \
    -out "$tls/tls.csr" 2>/dev/null
  openssl x509 -req -in "$tls/tls.csr" -CA "$tls/ca.crt" -CAkey "$tls/ca.key" -CAcreateserial \
    -copy_extensions copy -days 30 -out "$tls/tls.crt" 2>/dev/null
}

start_gateway() {
  local -a transport=(GATEWAY_PLAINTEXT=true)
  [[ $SCHEME == http ]] || transport=("GATEWAY_TLS_CERT_FILE=$STATE/tls/tls.crt"
    "GATEWAY_TLS_KEY_FILE=$STATE/tls/tls.key")
  launch gateway env "${transport[@]}" "GATEWAY_ADDR=$GATEWAY_ADDR" \
    "GATEWAY_STATE=$STATE/data/gateway" "GATEWAY_INSTANCES_FILE=$STATE/instances" \
    GATEWAY_RESOLVE_SECONDS=1 GATEWAY_DRAIN_SECONDS=5 GATEWAY_WORKERS=1 \
    deploy/gateway/gateway.sh
}

# platform_sim sends webhooks to the gateway, by plain HTTP or trusting our authority.
start_platform_sim() {
  local -a options=(--port "${PLATFORM_SIM_ADDR##*:}" --allow-loopback-http)
  [[ $SCHEME == http ]] || options+=(--callback-ca "$STATE/tls/ca.crt")
  launch platform_sim "$BIN/platform_sim" "${options[@]}"
}

start_part() {
  case $1 in
    nats) launch nats nats-server -a 127.0.0.1 -p "${NATS_ADDR##*:}" -js -sd "$STATE/data/nats" ;;
    redis)
      mkdir -p "$STATE/data/redis"
      launch redis redis-server --bind 127.0.0.1 --port "${REDIS_ADDR##*:}" \
        --dir "$STATE/data/redis" --appendonly yes --save ''
      ;;
    mariadb) start_mariadb ;;
    platform_sim) start_platform_sim ;;
    stream*) launch_daemon "$1" ;;
    gateway) start_gateway ;;
  esac
}

# Whether a part answers, asked in its own protocol.
ready() {
  local info port
  case $1 in
    nats)
      # The server speaks first.
      port=${NATS_ADDR##*:}
      read -r -t 1 info 2>/dev/null <"/dev/tcp/127.0.0.1/$port" && [[ $info == INFO*jetstream* ]]
      ;;
    redis) [[ $(redis-cli -p "${REDIS_ADDR##*:}" ping) == PONG ]] ;;
    mariadb)
      MYSQL_PWD=$MYSQL_PASSWORD mariadb --no-defaults -h 127.0.0.1 -P "${MYSQL_ADDR##*:}" \
        -u bannou -e 'SELECT 1' streaming
      ;;
    platform_sim) curl -s -m 2 "http://$PLATFORM_SIM_ADDR/" ;;
    stream*) curl -sf -m 2 "http://$(address_of "$1" ADMIN)/readyz" ;;
    gateway)
      curl -sf -m 2 --cacert "$STATE/tls/ca.crt" "$SCHEME://$GATEWAY_ADDR/gateway/healthz"
      ;;
  esac >/dev/null 2>&1
}

# Waits until a part is ready; a failure shows the end of its log.
await_part() {
  local deadline=$((SECONDS + READY_SECONDS)) reason=
  until ready "$1"; do
    if ! pid_of "$1" >/dev/null; then
      reason="$1 ended while it started"
    elif ((SECONDS >= deadline)); then
      reason="$1 was not ready after $READY_SECONDS s"
    fi
    if [[ -n $reason ]]; then
      tail -n 20 "$STATE/logs/$1.log" >&2
      fail "$reason; the whole log: $STATE/logs/$1.log"
    fi
    sleep 0.1
  done
}

# platform_sim forgets everything when it ends, so it learns of our application at each start. It is
# both platforms, and one application serves for both.
register_app() {
  curl -sf -m 5 -o /dev/null -X POST -H 'Content-Type: application/json' -d '{
    "client_id": "'"$TWITCH_CLIENT_ID"'", "client_secret": "'"$TWITCH_CLIENT_SECRET"'",
    "redirects": ["'"$SCHEME://$GATEWAY_ADDR"'/stream/oauth/callback/twitch",
                  "'"$SCHEME://$GATEWAY_ADDR"'/stream/oauth/callback/youtube"]
  }' "http://$PLATFORM_SIM_ADDR/sim/apps" || fail "platform_sim refused our application"
}

# Through the API like everything else; a repeated call returns the first answer.
seed_pool() {
  [[ ! -e $STATE/seeded ]] || return 0
  call bannou.streaming.v1.AudiencePoolService/SeedAudiencePool --role admin '{
    "gameServiceId": "'"$DEMO_GAME_SERVICE_ID"'", "count": '$DEMO_POOL_MEMBERS',
    "requestId": "'"$DEMO_GAME_SERVICE_ID"'"
  }' >/dev/null || fail "the demo pool could not be seeded"
  touch "$STATE/seeded"
}

# start_stack [file of further settings]: starts what is not running yet.
start_stack() {
  local part
  umask 077
  mkdir -p "$STATE"/{data,logs,pids}
  create_secrets
  if [[ -z $(running_parts) ]]; then
    choose_ports
    [[ $SCHEME == http ]] || make_certificates
  fi
  load_stack
  write_settings "$@"
  write_env
  for part in "${PARTS[@]}"; do
    pid_of "$part" >/dev/null && continue
    say "starting $part"
    start_part "$part"
    await_part "$part"
    [[ $part != platform_sim ]] || register_app
  done
}

stop_stack() {
  local i
  for ((i = ${#PARTS[@]} - 1; i >= 0; i--)); do stop_part "${PARTS[i]}"; done
}

running_parts() {
  local part
  for part in "${PARTS[@]}"; do
    if pid_of "$part" >/dev/null; then echo "$part"; fi
  done
}

# --- commands ------------------------------------------------------------------------------------

# up [--gateway] [--instances N]: with TLS and HTTP/2 at the gateway, which takes gRPC too; with
# N instances of each daemon.
up() {
  local running instances=1 scheme=http
  while (($#)); do
    case $1 in
      --gateway) scheme=https && shift ;;
      --instances)
        (($# > 1)) || fail "up: --instances takes 1 to $INSTANCES_MAX"
        instances=$2
        shift 2
        ;;
      *) fail "up: unknown option $1" ;;
    esac
  done
  if [[ ! $instances =~ ^[1-9]$ ]] || ((instances > INSTANCES_MAX)); then
    fail "up: --instances takes 1 to $INSTANCES_MAX"
  fi
  load_shape
  running=$(running_parts | wc -l)
  if ((running == 0)); then
    shape_parts "$instances" "$scheme"
  elif [[ "$INSTANCES $SCHEME" != "$instances $scheme" ]]; then
    say "it runs with $INSTANCES of each daemon, gateway $SCHEME; ./dev down changes that"
  fi
  if ((running == ${#PARTS[@]})); then
    say "already up; ./dev status shows where"
    return
  fi
  # What died is started again as it was; only a whole start builds.
  if ((running == 0)) || [[ ! -x $BIN/call ]]; then
    setup
    build stream streaming platform_sim call
  fi
  start_stack
  seed_pool
  say "up. Addresses and ids: . .dev/env    A token: ./dev token    Stop: ./dev down"
  say "What the audiences do, live in a browser: ./dev observatory prints where"
}

# Deletes what a stack owns, but not a demo that may run below the same directory.
wipe() {
  rm -rf "$STATE"/{data,logs,pids,secrets,addresses,shape,instances,tls,settings,env} \
    "$STATE"/{seeded,init.sql}
}

# down [--wipe]: with --wipe data, logs and secrets go too.
down() {
  load_shape
  stop_stack
  [[ ${1:-} != --wipe ]] || wipe
  say "down${1:+, and its data deleted}"
}

status() {
  local part pid state address failed=0
  load_stack
  for part in "${PARTS[@]}"; do
    if ! pid=$(pid_of "$part"); then
      pid=- state=$([[ -e $STATE/pids/$part ]] && echo died || echo stopped) failed=1
    elif ready "$part"; then
      state=ready
    else
      state='not ready' failed=1
    fi
    case $part in
      mariadb) address=$MYSQL_ADDR ;;
      stream*) address=$(address_of "$part" GRPC) ;;
      *) address=${part^^}_ADDR && address=${!address} ;;
    esac
    printf '%-13s %-10s %-8s %s\n' "$part" "$state" "$pid" "$address"
  done
  return $failed
}

# logs [part…]: follows them.
logs() {
  load_shape
  (($#)) || set -- "${PARTS[@]}"
  set -- "${@/#/$STATE/logs/}"
  tail -n 20 -F "${@/%/.log}"
}

# A stack of its own beside the one of `up`, gone afterwards; what failed keeps its logs.
demo() {
  local status=0
  setup
  build stream streaming platform_sim demo
  mkdir -p "$STATE"
  STATE=$(mktemp -d "$STATE/demo-XXXX")
  trap end_demo EXIT
  trap 'exit 130' INT TERM
  say "settings of this demo (deploy/local/demo.env):"
  sed 's/^/  /' deploy/local/demo.env
  start_stack deploy/local/demo.env
  (
    # shellcheck source=/dev/null
    source "$STATE/env"
    AUTH_HS256_KEY=$AUTH_KEY "$BIN/demo"
  ) || status=$?
  ((status == 0)) || fail "the demo ended with $status; logs: $STATE/logs"
  end_demo
  rm -rf "$STATE"
  say "Next: ./dev up keeps a stack running, ./dev call list shows its services, docs/ explains it."
}

# Runs however the demo ends; a second Ctrl-C must not stop the stopping.
end_demo() {
  trap '' INT TERM
  stop_stack
  rm -rf "$STATE/data"
}
