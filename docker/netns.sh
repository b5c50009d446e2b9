#!/usr/bin/env bash
# Runs a topology where no container engine can: the same processes with the same files, in network namespaces.
# usage: docker/netns.sh TOPOLOGY [up [-d] | down | ps | exec | kill | stop | start | status | logs]    --help says more
#   docker/netns.sh basic              starts docker/basic and shows its logs until Ctrl-C
#   docker/netns.sh basic up -d        leaves it running, for fifteen minutes at most
#   docker/netns.sh basic exec client curl -s http://weir:8080/
#   Needs root, iproute2, python3-yaml, and the programs of the topology from Debian's packages.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
for python in python3 /usr/bin/python3; do
  if "$python" -c 'import yaml' 2>/dev/null; then exec "$python" -B "$here/support/netns.py" "$@"; fi
done
echo "netns.sh: needs python3 with yaml (Debian's package python3-yaml)" >&2
exit 1
