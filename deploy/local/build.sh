# shellcheck shell=bash
# Configure and compile. Sourced by ./dev.

PRESET=${DEV_PRESET:-dev}
# shellcheck disable=SC2034  # read by stack.sh
BIN=$ROOT/build/$PRESET/bin

# Reads ninja's output. On a terminal one line that renews itself, otherwise a line for every tenth
# of the work; what is not progress (warnings, errors) passes unchanged.
condense_progress() {
  local line finished total what tenth=0 open=0
  while IFS= read -r line; do
    if [[ $line =~ ^\[([0-9]+)/([0-9]+)\]\ (.*) ]]; then
      finished=${BASH_REMATCH[1]} total=${BASH_REMATCH[2]} what=${BASH_REMATCH[3]}
      if [[ -t 1 ]]; then
        printf '\r\033[K  %d/%d %.60s' "$finished" "$total" "$what"
        open=1
      elif ((10 * finished / total != tenth)); then
        tenth=$((10 * finished / total))
        printf '  %d/%d\n' "$finished" "$total"
      fi
    elif [[ $line != 'ninja: no work to do.' ]]; then
      ((!open)) || printf '\n'
      open=0
      printf '%s\n' "$line"
    fi
  done
  ((!open)) || printf '\n'
}

# build [ninja target…]: all of them by default. DEV_BUILD=no: what is there must do.
build() {
  local -a targets=()
  if [[ ${DEV_BUILD:-} == no ]]; then
    say "building nothing (DEV_BUILD=no)"
    return
  fi
  (($#)) && targets=(--target "$@")
  say "building preset $PRESET in build/$PRESET"
  mkdir -p build
  cmake --preset "$PRESET" >build/configure.log 2>&1 || {
    cat build/configure.log >&2
    fail "the build could not be configured"
  }
  cmake --build --preset "$PRESET" "${targets[@]}" 2>&1 | condense_progress
}

# run_tests [ctest option…]: builds and runs all of them; tests/lint is one.
run_tests() {
  local status=0 started=$SECONDS
  setup
  setup_tests
  build all
  # Two at most: the suites start servers and daemons of their own.
  ctest --preset "$PRESET" --parallel "$(($(nproc) > 1 ? 2 : 1))" "$@" || status=$?
  ((status == 0)) || fail "tests failed, $((SECONDS - started)) s"
  say "all tests passed, $((SECONDS - started)) s"
}
