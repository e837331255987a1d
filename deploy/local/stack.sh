# shellcheck shell=bash
# The private stack: servers, platform_sim, daemons and gateway, on free loopback ports. Everything
# it owns (data, pids, logs, secrets) lies in one state directory. Sourced by ./dev.

STATE=$ROOT/.dev
READY_SECONDS=60
STOP_SECONDS=30
DEMO_POOL_MEMBERS=10000
# In the order in which they start; they stop in reverse.
PARTS=(nats redis mariadb platform_sim gateway stream streaming)
ADDRESSES=(NATS REDIS MYSQL PLATFORM_SIM STREAM_GRPC STREAM_HTTP STREAM_ADMIN STREAMING_GRPC
  STREAMING_ADMIN GATEWAY)

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

# Ports live as long as any process that listens on them.
choose_ports() {
  local -a ports
  local i
  mapfile -t ports < <(free_ports ${#ADDRESSES[@]})
  for i in "${!ADDRESSES[@]}"; do echo "${ADDRESSES[i]}_ADDR=127.0.0.1:${ports[i]}"; done \
    >"$STATE/addresses"
}

load_stack() {
  [[ -e $STATE/addresses ]] || fail "no stack here: ./dev up starts one"
  # shellcheck source=/dev/null
  source "$STATE/secrets"
  # shellcheck source=/dev/null
  source "$STATE/addresses"
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
STREAM_GRPC_ADDR=$STREAM_GRPC_ADDR
STREAM_HTTP_ADDR=$STREAM_HTTP_ADDR
STREAM_ADMIN_ADDR=$STREAM_ADMIN_ADDR
STREAM_PUBLIC_URL=http://$GATEWAY_ADDR
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
STREAMING_GRPC_ADDR=$STREAMING_GRPC_ADDR
STREAMING_ADMIN_ADDR=$STREAMING_ADMIN_ADDR
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
      "DEMO_GAME_SERVICE_ID=$DEMO_GAME_SERVICE_ID"
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

# launch_daemon <name>: with its own settings in its environment.
launch_daemon() {
  local -a settings
  mapfile -t settings < <(grep "^${1^^}_" "$STATE/settings")
  launch "$1" env "${settings[@]}" "$BIN/$1"
}

start_gateway() {
  mkdir -p "$STATE/data/gateway"
  sed "s/@STREAM_HTTP_ADDR@/$STREAM_HTTP_ADDR/; s/@GATEWAY_ADDR@/$GATEWAY_ADDR/" \
    deploy/local/nginx.conf >"$STATE/nginx.conf"
  launch gateway nginx -p "$STATE/" -c nginx.conf -e stderr
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
    platform_sim)
      # Webhooks go to the stream daemon over plain HTTP.
      launch platform_sim "$BIN/platform_sim" --port "${PLATFORM_SIM_ADDR##*:}" \
        --allow-loopback-http
      ;;
    stream | streaming) launch_daemon "$1" ;;
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
    stream) curl -sf -m 2 "http://$STREAM_ADMIN_ADDR/readyz" ;;
    streaming) curl -sf -m 2 "http://$STREAMING_ADMIN_ADDR/readyz" ;;
    gateway) curl -s -m 2 "http://$GATEWAY_ADDR/" ;;
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
    "redirects": ["http://'"$GATEWAY_ADDR"'/stream/oauth/callback/twitch",
                  "http://'"$GATEWAY_ADDR"'/stream/oauth/callback/youtube"]
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
  [[ -n $(running_parts) ]] || choose_ports
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

up() {
  local running
  running=$(running_parts | wc -l)
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
}

# Deletes what a stack owns, but not a demo that may run below the same directory.
wipe() {
  rm -rf "$STATE"/{data,logs,pids,secrets,addresses,settings,env,seeded,init.sql,nginx.conf}
}

# down [--wipe]: with --wipe data, logs and secrets go too.
down() {
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
      stream) address=$STREAM_GRPC_ADDR ;;
      streaming) address=$STREAMING_GRPC_ADDR ;;
      *) address=${part^^}_ADDR && address=${!address} ;;
    esac
    printf '%-13s %-10s %-8s %s\n' "$part" "$state" "$pid" "$address"
  done
  return $failed
}

# logs [part…]: follows them.
logs() {
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
