#!/usr/bin/env bash
# Shows that a clean clone works on a bare Debian 12: makes a fresh minimal chroot, clones the
# committed tree into it and runs a command there. Nothing of the host's packages, caches or build
# is visible.
#
#   deploy/local/chroot.sh [--keep] [--dir DIR] [command…]      default: ./dev demo
#
# Needs root and debootstrap. The chroot is removed afterwards unless --keep is given; with --dir an
# existing one is used again (its clone is renewed).
set -Eeuo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
keep=0
dir=
while (($#)); do
  case $1 in
    --keep) keep=1 && shift ;;
    --dir) dir=$2 && keep=1 && shift 2 ;;
    *) break ;;
  esac
done
(($#)) || set -- ./dev demo
[[ $EUID -eq 0 ]] || { echo "chroot.sh: needs root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "chroot.sh: apt-get install debootstrap" >&2; exit 1; }
[[ -n $dir ]] || dir=$(mktemp -d /var/tmp/bookworm-XXXXXX)
mkdir -p "$dir"
chmod 755 "$dir"

# shellcheck disable=SC2317  # called by the trap
cleanup() {
  local mount
  for mount in dev/shm dev/pts dev proc; do
    if mountpoint -q "$dir/$mount"; then umount -l "$dir/$mount"; fi
  done
  # Only an unmounted tree may be deleted: a bind mount of /dev would take the host's with it.
  if ((!keep)) && ! grep -q " $dir/" /proc/mounts; then rm -rf --one-file-system "$dir"; fi
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# The host's Debian sources, because a bare system has them and they may name a nearer mirror.
debian_sources() {
  grep -l -r -e 'debian-archive-keyring' -e '^deb .*debian' \
    /etc/apt/sources.list{,.d} 2>/dev/null || true
}

started=$SECONDS
if [[ ! -e $dir/etc/debian_version ]]; then
  mapfile -t sources < <(debian_sources)
  mirror=$(grep -h -o -m1 -E 'https?://[^ ]+/debian/?($| )' "${sources[@]}" /dev/null |
    head -n1 || true)
  debootstrap --variant=minbase --keyring="$KEYRING" --include=ca-certificates \
    bookworm "$dir" ${mirror:+"$mirror"} | grep '^I: Base system'
  if ((${#sources[@]})); then
    rm -f "$dir/etc/apt/sources.list"
    for source in "${sources[@]}"; do cp "$source" "$dir/etc/apt/${source#/etc/apt/}"; done
  fi
fi
cp /etc/resolv.conf /etc/hosts "$dir/etc/"
# Roots of trust that the host's administrator added, for networks that inspect TLS.
if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
  cp /usr/local/share/ca-certificates/*.crt "$dir/usr/local/share/ca-certificates/"
  chroot "$dir" update-ca-certificates >/dev/null 2>&1
fi
packages=$(dpkg-query --admindir="$dir/var/lib/dpkg" -W | wc -l)
echo "bare system ready after $((SECONDS - started)) s: $packages packages"

mount -t proc proc "$dir/proc"
mount --bind /dev "$dir/dev"
[[ ! -d /dev/pts ]] || mount --bind /dev/pts "$dir/dev/pts"
[[ ! -d /dev/shm ]] || mount -t tmpfs shm "$dir/dev/shm"

rm -rf "$dir/src"
git clone -q --no-local --no-hardlinks "$ROOT" "$dir/src"
started=$SECONDS
status=0
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 \
  ${CI:+CI="$CI"} chroot "$dir" bash -c 'cd /src && exec "$@"' bash "$@" || status=$?
echo "'$*' ended with $status after $((SECONDS - started)) s"
exit $status
