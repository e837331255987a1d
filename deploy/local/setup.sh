# shellcheck shell=bash
# Packages of a bare Debian 12. Sourced by ./dev.

# Runs a command as root: directly, or through sudo.
as_root() {
  if [[ $EUID -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "installing packages needs root: run as root, or install sudo"
  fi
}

# Of the package names given, prints those that are not installed, one a line.
missing_packages() {
  dpkg-query -W -f '${db:Status-Abbrev}\t${Package}\n' "$@" 2>/dev/null |
    awk -F '\t' '$1 ~ /^.i/ { print $2 }' | sort -u |
    comm -13 - <(printf '%s\n' "$@" | sort -u)
}

# Installs what is missing of the packages given. Debian starts a server as soon as it is installed;
# a policy that answers "forbidden" (101) keeps port and data directory of the system untouched.
install_packages() {
  local -a missing
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  say "installing ${#missing[@]} packages: ${missing[*]}"
  # In a child, so that its trap cannot collide with the caller's.
  as_root bash -s -- "${missing[@]}" <<'ROOT'
set -euo pipefail
policy=/usr/sbin/policy-rc.d
saved=
restore() { if [[ -n $saved ]]; then mv -f "$saved" $policy; else rm -f $policy; fi; }
if [[ -e $policy || -L $policy ]]; then
  saved=$(mktemp $policy.XXXXXX)
  mv -f $policy "$saved"
fi
trap restore EXIT
trap 'exit 130' INT TERM
printf '#!/bin/sh\nexit 101\n' >$policy
chmod 755 $policy

export DEBIAN_FRONTEND=noninteractive
count=0
apt-get -qq update </dev/null
apt-get -y --no-install-recommends -o Dpkg::Use-Pty=0 install "$@" </dev/null |
  while IFS= read -r line; do
    case $line in
      *'newly installed'* | 'Need to get'*) echo "  $line" ;;
      'Setting up'*) ((++count % 25)) || echo "  $count set up" ;;
    esac
  done
ROOT
}

setup() {
  [[ -r /etc/debian_version ]] || fail "not Debian: install what deploy/local/packages.txt names"
  local -a packages
  mapfile -t packages < <(awk '!/^#/ && NF { print $1 }' deploy/local/packages.txt)
  install_packages "${packages[@]}"
}

# npm_package <package> <version> [<package>@<version>…]: installs that package of npm's, and those
# beside it, under .cache, unless it is there, and prints the folder. The file that it looks for is
# the last that npm writes.
npm_package() {
  local folder=.cache/${1##*/}-$2
  [[ -e $folder/node_modules/.package-lock.json ]] ||
    npm install --loglevel=error --no-fund --no-audit --no-save --prefix "$folder" "$1@$2" \
      "${@:3}" >&2 || return
  echo "$folder"
}

# The OAuth server of tests/integration/oidc_provider.mjs; 9 needs a newer node than Debian's.
OIDC_PROVIDER_VERSION=8.8.1
# The front end of tests/e2e/front_end.mjs.
NATS_VERSION=2.29.3
AJV_VERSION=8.17.1
AJV_FORMATS_VERSION=3.0.1
# Drives a browser through tests/observatory; the last whose node is Debian's.
PLAYWRIGHT_CORE_VERSION=1.56.1

# test_package <package> <version> [<package>@<version>…]: npm_package, at .cache/<package>, its
# scope left out.
test_package() {
  local folder
  folder=$(npm_package "$@") || fail "npm could not install $1, which the tests need"
  ln -sfn "${folder##*/}" ".cache/${1##*/}"
}

# What only tests need, beyond what `setup` installs.
setup_tests() {
  command -v npm >/dev/null || install_packages nodejs npm
  # The alerts and dashboards of deploy/observability are tried on a real one.
  # systemd judges the units of deploy/systemd.
  install_packages prometheus python3-yaml systemd
  test_package oidc-provider $OIDC_PROVIDER_VERSION
  test_package nats $NATS_VERSION
  test_package ajv-formats $AJV_FORMATS_VERSION ajv@$AJV_VERSION
  # The observatory is a page: a browser looks at it.
  install_packages chromium fonts-dejavu-core
  test_package playwright-core $PLAYWRIGHT_CORE_VERSION
  # The README calls an RPC with it.
  test_package @bufbuild/buf "$BUF_VERSION"
}
