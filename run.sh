#!/usr/bin/env bash
# Builds Weir and starts its demo: a listener in front of three embedded backends.
# usage: ./run.sh [DEMO-OPTION ...]
#   Installs the packages that are missing (as root, or with sudo), builds the preset "release" into
#   build/release/ and runs `weir demo` with the options given. The build's log is build/run.log.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/scripts/common.sh"
weir=$root/build/release/weir
log=$root/build/run.log

show_help() {
  sed -n '2,5s/^# \{0,1\}//p' "$root/run.sh"
  if [ -x "$weir" ]; then
    printf '\nweir demo:\n'
    "$weir" demo --help
  else
    printf '\nThe options of the demo show here once Weir is built.\n'
  fi
}

# Whether there is something to wait for. Ninja decides by itself what is to be done.
is_stale() {
  [ ! -x "$weir" ] ||
    [ -n "$(find "$root"/{src,cmake,CMakeLists.txt,CMakePresets.json} -newer "$weir" -print -quit)" ]
}

# Builds `weir` alone. Tests are left out of a fresh folder, for their libraries may be missing; a folder that is
# configured already stays as it is, and ninja configures it again by itself when a CMake file has changed.
build_weir() {
  mkdir -p "${log%/*}"
  : >"$log"
  [ -f "$root/build/release/build.ninja" ] || configure release "$log" -DWEIR_TESTS=OFF
  if is_stale; then say "building build/release/weir (log: build/run.log)"; fi
  build release "$log" weir
}

case ${1:-} in -h | --help)
  show_help
  exit 0
  ;;
esac
"$root/scripts/packages.sh" build
build_weir
exec "$weir" demo "$@"
