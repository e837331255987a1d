#!/usr/bin/env bash
# Builds the images of both daemons and the gateway from what lies in this checkout, with whatever
# is there of docker (with BuildKit), podman and buildah.
#
#   deploy/docker/build.sh [--base IMAGE] [--prefix PREFIX] [--save DIR] [TARGET…]
#
#   --base     Debian 12, docker.io/library/debian:bookworm-slim by default
#   --prefix   before the images' names: localhost/bannou- by default, as compose.yaml has it
#   --save     writes <target>.tar (what `docker load` reads) and <target>.cdx.json, the list of
#              what is in it, into this folder
#   TARGET     stream, streaming, gateway; all of them by default
#
# ENGINE=docker|podman|buildah chooses. Where a container cannot have namespaces of its own,
# BUILDAH_ISOLATION=chroot and STORAGE_DRIVER=vfs make buildah do without.
set -Eeuo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

base=docker.io/library/debian:bookworm-slim
prefix=localhost/bannou-
save=
targets=()

fail() {
  printf 'build.sh: %s\n' "$*" >&2
  exit 1
}

while (($#)); do
  case $1 in
    --base | --prefix | --save)
      (($# > 1)) || fail "$1 needs a value"
      declare "${1#--}=$2"
      shift
      ;;
    stream | streaming | gateway) targets+=("$1") ;;
    *) fail "unknown: $1 (the first lines of $0 are its help)" ;;
  esac
  shift
done
((${#targets[@]})) || targets=(stream streaming gateway)

find_engine() {
  local engine
  for engine in docker podman buildah; do
    # A docker without its daemon builds nothing.
    if command -v "$engine" >/dev/null && "$engine" info >/dev/null 2>&1; then
      echo "$engine"
      return
    fi
  done
  fail "neither docker, podman nor buildah works here"
}
engine=${ENGINE:-$(find_engine)}

version=$(sed -n 's/^project(.* VERSION \([0-9.]*\).*/\1/p' "$ROOT/CMakeLists.txt")
revision=$(git -C "$ROOT" rev-parse HEAD 2>/dev/null || echo unknown)
[[ -z $(git -C "$ROOT" status --porcelain 2>/dev/null) ]] || revision+=-changed
source=$(git -C "$ROOT" remote get-url origin 2>/dev/null || true)
# A remote may hold somebody's token, or be a folder.
[[ $source =~ ^https://[^@]*$ ]] || source=unknown
# The week: layers with Debian's packages are made anew once in it, so that its updates come in.
updated=${UPDATED:-$(date -u +%G-%V)}
# The time of the commit, so that the same commit makes the same labels.
created=$(date -u -d "@${SOURCE_DATE_EPOCH:-$(git -C "$ROOT" log -1 --format=%ct)}" +%FT%TZ)

# build <target> [option…]
build() {
  local target=$1
  shift
  local -a command=(docker build)
  case $engine in
    docker) export DOCKER_BUILDKIT=1 ;;
    # OCI's own format has no health checks.
    podman) command=(podman build --format docker --layers) ;;
    buildah) command=(buildah bud --format docker --layers) ;;
    *) fail "ENGINE must be docker, podman or buildah" ;;
  esac
  "${command[@]}" --file "$ROOT/deploy/docker/Dockerfile" --target "$target" \
    --build-arg BASE="$base" --build-arg UPDATED="$updated" --build-arg VERSION="$version" \
    --build-arg REVISION="$revision" --build-arg SOURCE="$source" --build-arg CREATED="$created" \
    "$@" "$ROOT"
}

# archive <image> <file>
archive() {
  rm -f "$2"
  case $engine in
    docker) docker save --output "$2" "$1" ;;
    podman) podman save --format docker-archive --output "$2" "$1" ;;
    buildah) buildah push --quiet "$1" "docker-archive:$2:$1" ;;
  esac
}

for target in "${targets[@]}"; do
  image=$prefix$target:$version
  echo "==> $image" >&2
  build "$target" --tag "$image"
  if [[ -n $save ]]; then
    mkdir -p "$save"
    archive "$image" "$save/$target.tar"
  fi
done
# The lists are a target of their own, which comes from the layers that there are now.
[[ -z $save ]] || build sboms --output "type=local,dest=$save"
