#!/usr/bin/env bash
# Measures Weir against other proxies and against no proxy, in turn, on this machine.
# usage: bench/run.sh [OPTION ...] [SCENARIO ...]
#   Installs the packages that are missing (as root, or with sudo), builds build/release/weir unless --weir names
#   another, and hands everything to bench/run.py: bench/run.sh --help shows its options. README.md tells the rest.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"
log=$root/build/bench/build.log

wants_own_weir() {
  local argument
  for argument in "$@"; do
    case $argument in -h | --help | --weir | --weir=*) return 1 ;; esac
  done
}

if wants_own_weir "$@"; then
  "$root/scripts/packages.sh" bench
  mkdir -p "${log%/*}"
  : >"$log"
  [ -f "$root/build/release/build.ninja" ] || configure release "$log" -DWEIR_TESTS=OFF
  build release "$log" weir
fi
exec python3 "$root/bench/run.py" "$@"
