# shellcheck shell=bash
# Measurements. Sourced by ./dev. A row is a function bench_<row>; it prints what it measured beside
# what it is compared with, both in this run.

BENCH_ROWS=(classifier)
VADER_VERSION=1.1.3
SENTIMENT_VERSION=5.0.2

# bench [row…]: all rows by default. What is measured is what is shipped, the preset release.
bench() {
  local row
  local -a rows=("${@:-${BENCH_ROWS[@]}}")
  setup
  command -v npm >/dev/null || install_packages nodejs npm
  # shellcheck disable=SC2034  # read by build.sh
  [[ -n ${DEV_PRESET:-} ]] || PRESET=release BIN=$ROOT/build/release/bin
  for row in "${rows[@]}"; do
    declare -F "bench_$row" >/dev/null || fail "no benchmark '$row'; there are: ${BENCH_ROWS[*]}"
    say "bench: $row"
    "bench_$row"
  done
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

# train_sentiment --data DIR: makes the classifier's table anew and says how good it is; with
# --check it only says whether the shipped one is what comes out.
train_sentiment() {
  local folder=services/stream/sentiment
  setup
  build train_sentiment
  "$BIN/train_sentiment" "$@" || fail "the table was not made"
  (cd $folder && sha256sum weights.bin >testdata/weights.sha256)
}
