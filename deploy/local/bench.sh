# shellcheck shell=bash
# Measurements beside what they are compared with, both in one run: docs/benchmarks.md. A row is a
# function bench_<row> that builds what it needs and prints a small table. Sourced by ./dev.

VADER_VERSION=1.1.3
SENTIMENT_VERSION=5.0.2
TWURPLE_VERSION=8.1.4

# bench [row…]: all of them by default. What is measured is what is shipped, the preset release.
bench() {
  local row
  local -a rows=("$@")
  ((${#rows[@]})) || mapfile -t rows < <(compgen -A function bench_ | sed 's/^bench_//' | sort)
  for row in "${rows[@]}"; do
    declare -F "bench_$row" >/dev/null || fail "no benchmark $row"
  done
  setup
  command -v npm >/dev/null || install_packages nodejs npm
  # shellcheck disable=SC2034  # read by build.sh
  [[ -n ${DEV_PRESET:-} ]] || PRESET=release BIN=$ROOT/build/release/bin
  for row in "${rows[@]}"; do
    say "bench: $row"
    "bench_$row"
  done
}

# Signed chat webhooks, the whole path to the buffer, a second of CPU.
bench_webhooks() {
  local folder
  folder=$(npm_package @twurple/eventsub-http $TWURPLE_VERSION) ||
    fail "npm could not install Twurple"
  build bench_webhooks
  "$BIN/bench_webhooks" "$folder"
}

# The sentiment classifier beside two of npm's. With SENTIMENT_DATA, the folder of the research
# data, on its dev set too.
bench_classifier() {
  local vader sentiment folder
  vader=$(npm_package vader-sentiment $VADER_VERSION) || fail "npm could not install vader"
  sentiment=$(npm_package sentiment $SENTIMENT_VERSION) || fail "npm could not install sentiment"
  build classifier_bench
  folder=$(mktemp -d)
  "$BIN/classifier_bench" "$folder/lines" ${SENTIMENT_DATA:+"$SENTIMENT_DATA"} >"$folder/ours"
  grep -v '^speed ' "$folder/ours"
  node tests/bench/classifier.mjs "$vader" "$sentiment" \
    "$(awk '/^speed / { print $2 }' "$folder/ours")" "$folder/lines" \
    ${SENTIMENT_DATA:+"$SENTIMENT_DATA"}
  rm -r "$folder"
}

# Check-out and check-in of 5 000 members, and the step of a 5 000-viewer audience.
bench_audience() {
  build bench_audience
  "$BIN/bench_audience"
}

# A daemon with 1 000 live streams and a pool of a million, some rounds of a minute: five minutes.
bench_rounds() {
  build bench_rounds
  "$BIN/bench_rounds"
}

# Browse, status and reactions at 5 000 viewers beside a bare gRPC echo: two minutes.
bench_rpc() {
  build bench_rpc
  "$BIN/bench_rpc"
}

# The end of a session whose streamer millions of members know: three minutes.
bench_follows() {
  build bench_follows
  "$BIN/bench_follows"
}

# From a pulse's publication to its effect in Redis: a minute.
bench_pulses() {
  build bench_pulses
  "$BIN/bench_pulses"
}

# What two thousand watchers of a stream cost.
bench_watch() {
  build bench_watch
  "$BIN/bench_watch"
}

# What a daemon with nothing to do keeps and spends: a minute and a half.
bench_idle() {
  build bench_process
  "$BIN/bench_process" idle
}

# From the start of a daemon to /readyz.
bench_start() {
  build bench_process
  "$BIN/bench_process" start
}

# train_sentiment --data DIR: makes the classifier's table anew and says how good it is; with
# --check it only says whether the shipped one is what comes out.
train_sentiment() {
  local folder=services/stream/sentiment
  setup
  build train_sentiment
  "$BIN/train_sentiment" "$@" || fail "the table was not made"
  [[ " $* " == *" --check "* ]] ||
    (cd $folder && sha256sum weights.bin >testdata/weights.sha256)
}
