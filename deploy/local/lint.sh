# shellcheck shell=bash
# Everything that judges text. Sourced by ./dev.

BUF_VERSION=1.75.0

# Tracked and new files that match the patterns, one a line.
sources() { git ls-files --cached --others --exclude-standard -- "$@"; }

# lint [--tidy]: all checks run, then the ones that failed are named. clang-tidy looks at what
# changed against main, with --tidy at everything; it needs a configured build.
lint() {
  local -a failed=() check
  setup
  install_packages clang-format-14 clang-tidy-14 shellcheck
  for check in layout format shells contract "tidy ${1:-}"; do
    read -ra check <<<"$check"
    say "lint: ${check[*]}"
    "lint_${check[0]}" "${check[@]:1}" || failed+=("${check[0]}")
  done
  ((${#failed[@]} == 0)) || fail "lint found something: ${failed[*]}"
  say "lint found nothing"
}

lint_layout() { python3 tests/lint/lint.py && python3 tests/lint/lint_test.py --quiet; }

lint_format() {
  sources '*.h' '*.cc' | xargs -r clang-format-14 --dry-run -Werror
}

lint_shells() { sources dev .ci/run '*.sh' | xargs -r shellcheck -x; }

# The contract's linter comes from npm; without npm it is skipped, but never in CI.
lint_contract() {
  if ! command -v npm >/dev/null; then
    if [[ ${CI:-} != true ]]; then
      say "skipped: buf needs npm (apt-get install nodejs npm)"
      return 0
    fi
    install_packages nodejs npm
  fi
  local folder
  folder=$(npm_package @bufbuild/buf $BUF_VERSION) || return
  "$folder/node_modules/.bin/buf" lint && contract_keeps_promises "$folder/node_modules/.bin/buf"
}

# contract_keeps_promises <buf>: nothing that main's clients use is gone or means something else. On
# main itself, what the commit before promised.
contract_keeps_promises() {
  local base before status=0
  base=$(fork_point || git rev-parse HEAD)
  if [[ $base == "$(git rev-parse HEAD)" ]]; then
    base=$(git rev-parse --verify --quiet HEAD^) || {
      say "skipped: buf breaking finds no earlier commit in this clone"
      return 0
    }
  fi
  before=$(mktemp -d)
  git archive "$base" buf.yaml proto | tar -x -C "$before" &&
    "$1" breaking --against "$before" || status=$?
  rm -r "$before"
  return "$status"
}

# Where this branch left main; fails in a clone that does not know.
fork_point() {
  git merge-base HEAD origin/main 2>/dev/null || git merge-base HEAD main 2>/dev/null
}

# clang 14 knows coroutines, but neither libstdc++ 12 nor this Boost expects that of it.
TIDY_COROUTINES=(--extra-arg=-D__cpp_impl_coroutine=201902L
  --extra-arg=-DBOOST_ASIO_HAS_CO_AWAIT=1 --extra-arg=-DBOOST_ASIO_HAS_STD_COROUTINE=1)

lint_tidy() {
  local base
  local -a files
  if [[ ! -e build/$PRESET/compile_commands.json ]]; then
    say "skipped: clang-tidy needs ./dev build"
    return 0
  fi
  if [[ ${1:-} == --tidy ]]; then
    mapfile -t files < <(sources '*.cc')
  else
    base=$(fork_point || echo HEAD)
    mapfile -t files < <(git diff --name-only --diff-filter=d "$base" -- '*.cc')
  fi
  # gcc's precompiled header means nothing to clang: the files include what they need.
  mkdir -p .cache/tidy
  sed -E 's/-Winvalid-pch +-include [^ ]+//' "build/$PRESET/compile_commands.json" \
    >.cache/tidy/compile_commands.json
  ((${#files[@]} == 0)) ||
    printf '%s\n' "${files[@]}" |
    xargs -P "$(nproc)" -n 1 clang-tidy-14 --quiet -p .cache/tidy "${TIDY_COROUTINES[@]}" \
      2> >(grep -v ' generated\.$' >&2)
}
