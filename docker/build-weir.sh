#!/usr/bin/env bash
# Puts the stripped `weir` into /out/usr/bin, inside the image that docker/Dockerfile builds in.
# usage: docker/build-weir.sh [--configure]
#   Compiles it, after the packages for that are there; or takes prebuilt/weir when the build's context has one, which
#   must have been built on the same release of Debian.
#   --configure  goes no further than that, with the packages that are there
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"
binary=$root/prebuilt/weir
log=$root/build/image.log

configure_weir() { configure release "$log" -DWEIR_TESTS=OFF -DWEIR_BENCH=OFF; }

case ${1:-} in
  --configure)
    configure_weir
    exit 0
    ;;
  '') ;;
  *)
    sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
if [ ! -x "$binary" ]; then
  "$root/scripts/packages.sh" build
  configure_weir
  build release "$log" weir
  binary=$root/build/release/weir
fi
install -D -m 755 "$binary" /out/usr/bin/weir
if command -v strip >/dev/null; then strip /out/usr/bin/weir; fi
