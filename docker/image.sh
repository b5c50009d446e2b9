#!/usr/bin/env bash
# Builds Weir's image without any registry: on the images that docker/base-image.sh makes, as weir-local/weir.
# usage: docker/image.sh [--binary FILE]
#   --binary  takes this `weir` instead of compiling one, e.g. build/release/weir; it must have been built on the same
#             release of Debian
#   Needs what docker/base-image.sh needs. With a registry at hand, `docker build -f docker/Dockerfile -t weir .` is all.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"
binary=
case ${1:-} in
  --binary) binary=$(realpath "$2") ;;
  '') ;;
  *)
    sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac

DOCKER_HOST=$("$root/docker/engine.sh" status)
export DOCKER_HOST
context=$root
build_image=weir-local/build
if [ -n "$binary" ]; then
  # Only what the Dockerfile copies, and the binary in the place where it looks for one.
  context=$(mktemp -d)
  trap 'rm -rf "$context"' EXIT
  mkdir -p "$context"/{docker,prebuilt}
  cp -a "$root/scripts" "$root/LICENSE" "$context/"
  cp -a "$root"/docker/{Dockerfile,weir.toml,build-weir.sh} "$context/docker/"
  strip -o "$context/prebuilt/weir" "$binary"
  build_image=weir-local/runtime
fi
"$root/docker/base-image.sh" runtime "${build_image##*/}"
revision=$(git -C "$root" rev-parse --short HEAD 2>/dev/null || say unknown)
quietly "$root/build/docker/image.log" env DOCKER_BUILDKIT=0 docker build --network none \
  -f "$context/docker/Dockerfile" -t weir-local/weir --build-arg BASE_IMAGE=weir-local/runtime --build-arg "BUILD_IMAGE=$build_image" --build-arg "REVISION=$revision" "$context"
