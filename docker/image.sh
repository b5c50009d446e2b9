#!/usr/bin/env bash
# Builds Weir's image without any registry: on the images that docker/base-image.sh makes, as weir-local/weir.
# usage: docker/image.sh [--binary FILE] [--tag NAME]
#   --binary  takes this `weir` instead of compiling one, e.g. build/release/weir; it must have been built on the same
#             release of Debian
#   --tag     calls the image NAME
#   Needs what docker/base-image.sh needs. With a registry at hand, `docker build -f docker/Dockerfile -t weir .` is all.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"
binary=
tag=weir-local/weir
while [ $# -gt 0 ]; do
  case $1:${2:-} in
    --binary:?*) binary=$(realpath "$2") ;;
    --tag:?*) tag=$2 ;;
    *)
      sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
      exit 2
      ;;
  esac
  shift 2
done

DOCKER_HOST=$("$root/docker/engine.sh" status)
export DOCKER_HOST
context=$root
build_image=weir-local/build
arguments=()
if [ -n "$binary" ]; then
  version=$("$binary" --version)
  arguments+=(--build-arg "VERSION=${version#weir }" --build-arg PREBUILT=1)
  # Only what the Dockerfile copies, and the binary in the place where it looks for one.
  context=$(mktemp -d)
  trap 'rm -rf "$context"' EXIT
  mkdir -p "$context"/{docker,prebuilt}
  cp -a "$root/scripts" "$root/LICENSE" "$root/THIRD_PARTY.md" "$context/"
  cp -a "$root"/docker/{Dockerfile,weir.toml,build-weir.sh} "$context/docker/"
  strip -o "$context/prebuilt/weir" "$binary"
  build_image=weir-local/runtime
fi
"$root/docker/base-image.sh" runtime "${build_image##*/}"
revision=$(git -C "$root" describe --always --dirty --exclude '*' 2>/dev/null || say unknown)
arguments+=(--build-arg BASE_IMAGE=weir-local/runtime --build-arg "BUILD_IMAGE=$build_image" --build-arg "REVISION=$revision")
quietly "$root/build/docker/image.log" env DOCKER_BUILDKIT=0 docker build --network none \
  -f "$context/docker/Dockerfile" -t "$tag" "${arguments[@]}" "$context"
