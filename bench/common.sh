# What run.sh and limits.sh share: how to get what they measure. Sourced, from bash.
# shellcheck shell=bash
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"

# Whether the arguments leave it to us to build Weir: they name no other, and do not only ask for help.
wants_own_weir() {
  local argument
  for argument in "$@"; do
    case $argument in -h | --help | --weir | --weir=*) return 1 ;; esac
  done
}

# build_for_bench TARGET...: installs the packages that are missing and builds the targets in build/release.
build_for_bench() {
  local log=$root/build/bench/build.log
  "$root/scripts/packages.sh" bench
  mkdir -p "${log%/*}"
  : >"$log"
  [ -f "$root/build/release/build.ninja" ] || configure release "$log" -DWEIR_TESTS=OFF
  build release "$log" "$@"
}
