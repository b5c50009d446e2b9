#!/usr/bin/env bash
# Measures what limits at the door keep and cost, for Weir and for other proxies, in turn, on this machine.
# usage: bench/limits.sh [OPTION ...] [SCENARIO ...]
#   Installs the packages that are missing (as root, or with sudo), builds build/release/weir and the load generator
#   connection_load beside it unless --weir names another (which needs its own connection_load, or --load), and hands
#   everything to bench/limits/run.py: bench/limits.sh --help shows its options. limits/README.md tells the rest.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if wants_own_weir "$@"; then build_for_bench weir connection_load; fi
exec python3 "$root/bench/limits/run.py" "$@"
