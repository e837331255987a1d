# shellcheck shell=bash
# Fuzzing: arbitrary bytes into everything that reads what strangers send. Sourced by ./dev.

FUZZ_CORPUS=tests/fuzz/corpus
FUZZ_WORK=build/fuzz/runs
FUZZ_INPUT_BYTES_MAX=20000
# What platforms send, for the first run of a new target.
FUZZ_SEEDS=(tests/platform_sim/fixtures tests/fixtures/eventsub)

# fuzz [target…] [--seconds N]: all of them, 60 seconds each. What reaches new code goes into the
# kept corpus; what breaks a target stays in build/fuzz/runs until somebody names it and adds it.
fuzz() {
  local seconds=60 target
  local -a targets=() failed=()
  while (($#)); do
    case $1 in
      --seconds)
        [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || fail "--seconds takes a number"
        seconds=$2
        shift
        ;;
      *)
        [[ -e tests/fuzz/targets/$1.cc ]] || fail "no fuzz target $1 in tests/fuzz/targets"
        targets+=("$1")
        ;;
    esac
    shift
  done
  ((${#targets[@]})) || mapfile -t targets < <(basename -a -s .cc tests/fuzz/targets/*.cc)
  setup
  install_packages clang-14 libclang-rt-14-dev
  PRESET=fuzz build "${targets[@]/#/fuzz_}"
  for target in "${targets[@]}"; do
    say "fuzz: $target for $seconds s"
    fuzz_target "$target" "$seconds" && fuzz_keep "$target" || failed+=("$target")
  done
  ((${#failed[@]} == 0)) || fail "fuzz found something: ${failed[*]}"
  say "fuzz found nothing"
}

# fuzz_program <target> <libFuzzer option or folder…>
fuzz_program() {
  local target=$1 dictionary=tests/fuzz/targets/$1.dict
  shift
  [[ -e $dictionary ]] && set -- "-dict=$dictionary" "$@"
  UBSAN_OPTIONS=print_stacktrace=1 "build/fuzz/bin/fuzz_$target" -max_len=$FUZZ_INPUT_BYTES_MAX "$@"
}

fuzz_target() {
  local target=$1 seconds=$2 work=$FUZZ_WORK/$1
  mkdir -p "$work/found" "$work/broken" "$FUZZ_CORPUS/$target"
  if fuzz_program "$target" "-max_total_time=$seconds" -timeout=30 -rss_limit_mb=2048 \
    -print_final_stats=1 "-artifact_prefix=$work/broken/" "$work/found" "$FUZZ_CORPUS/$target" \
    "${FUZZ_SEEDS[@]}" >"$work/log" 2>&1; then
    awk '/cov:/ { last = $0 } /number_of_executed_units/ { runs = $2 }
      END { sub(/^#[0-9]+\t */, "", last); print "  " runs " inputs, " last }' "$work/log"
  else
    grep -vE '^#[0-9]+' "$work/log" | tail -n 60 >&2
    say "$target broke; the input is in $work/broken, the log beside it"
    return 1
  fi
}

# Adds what covers code that the kept corpus does not. Edges count, not how often each is taken:
# that keeps the corpus small.
fuzz_keep() {
  local work=$FUZZ_WORK/$1 corpus=$FUZZ_CORPUS/$1
  fuzz_program "$1" -set_cover_merge=1 -use_counters=0 "$corpus" "$work/found" "${FUZZ_SEEDS[@]}" \
    >"$work/merge.log" 2>&1 || return
  printf '  kept: %d files, %s\n' "$(find "$corpus" -type f | wc -l)" \
    "$(du -bsh "$corpus" | cut -f1)"
}
