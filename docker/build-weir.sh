#!/usr/bin/env bash
# Puts the stripped `weir` into /out/usr/bin, inside the image that docker/Dockerfile builds in.
# usage: docker/build-weir.sh
#   Compiles it, after the packages for that are there; or takes prebuilt/weir when the build's context has one, which
#   must have been built on the same release of Debian.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"
binary=$root/prebuilt/weir
if [ ! -x "$binary" ]; then
  "$root/scripts/packages.sh" build
  configure release "$root/build/image.log" -DWEIR_TESTS=OFF
  build release "$root/build/image.log" weir
  binary=$root/build/release/weir
fi
install -D -m 755 "$binary" /out/usr/bin/weir
if command -v strip >/dev/null; then strip /out/usr/bin/weir; fi
