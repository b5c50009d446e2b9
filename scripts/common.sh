# What run.sh and test.sh share: where the project is, how to speak, how to configure and build. Sourced, from bash.
# shellcheck shell=bash

# The project's root, wherever the caller stands.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Compilers at once. WEIR_JOBS overrides it, e.g. where memory is short.
jobs=${WEIR_JOBS:-$(nproc)}

say() { printf '%s\n' "$*"; }
complain() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
  complain "$@"
  exit 1
}

# A compiler cache is used where there is one. CMake reads this when a build folder is first configured.
if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER-ccache}; fi

# quietly LOG COMMAND...: appends all output to LOG; when the command fails, shows the end of it.
quietly() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  printf '+ %s\n' "$*" >>"$log"
  "$@" >>"$log" 2>&1 </dev/null && return 0
  tail -n 40 "$log" >&2
  complain "failed: $* (all of it: $log)"
  return 1
}

# configure PRESET LOG [CMAKE-ARGUMENT...]
configure() {
  local preset=$1 log=$2
  shift 2
  quietly "$log" cmake -S "$root" --preset "$preset" "$@"
}

# build PRESET LOG [TARGET...]: everything, or only the targets named.
build() {
  local preset=$1 log=$2
  shift 2
  quietly "$log" cmake --build "$root/build/$preset" --parallel "$jobs" ${1:+--target "$@"}
}
