# shellcheck shell=bash
# The crowd without servers: docs/tuning.md. Sourced by ./dev.

# simulate [option…]: see simulate --help.
simulate() {
  setup
  build simulate
  "$BIN/simulate" "$@"
}
