#!/usr/bin/env bash
# Measures Weir against other proxies and against no proxy, in turn, on this machine.
# usage: bench/run.sh [OPTION ...] [SCENARIO ...]
#   Installs the packages that are missing (as root, or with sudo), builds build/release/weir unless --weir names
#   another, and hands everything to bench/run.py: bench/run.sh --help shows its options. README.md tells the rest.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if wants_own_weir "$@"; then build_for_bench weir floor request_load; fi
exec python3 "$root/bench/run.py" "$@"
