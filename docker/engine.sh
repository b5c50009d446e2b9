#!/usr/bin/env bash
# A Docker engine for the time of a test, where none runs: Debian's dockerd, started by hand.
# usage: docker/engine.sh start | stop | status
#   start   starts one, unless one answers already, and prints the DOCKER_HOST that leads to it
#   stop    ends the one that `start` has started, and no other
#   status  prints the DOCKER_HOST of the engine that would be used; fails when none answers
#   All that it keeps is in build/docker/engine. Its networks are numbered from 198.18.0.0/15, which is meant for
#   tests (RFC 2544). Needs root, and the package docker.io.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"
home=$root/build/docker/engine
own=unix://$home/docker.sock

answers() { timeout 20 docker --host "$1" version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# The engine that is there: the one that the environment names, the machine's, or one of ours.
find_engine() {
  local host
  for host in "${DOCKER_HOST:-}" unix:///var/run/docker.sock "$own"; do
    if [ -n "$host" ] && answers "$host"; then
      say "$host"
      return 0
    fi
  done
  return 1
}

# The process that `start` has started, if it is still there.
own_process() {
  local pid
  pid=$(cat "$home/pid" 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] && say "$pid"
}

start() {
  find_engine && return 0
  [ "$(id -u)" -eq 0 ] || die "no engine runs, and only root can start one"
  command -v dockerd >/dev/null || die "no engine runs, and there is no dockerd to start (Debian's package docker.io)"
  if own_process >/dev/null; then die "the engine that was started before (process $(own_process)) does not answer"; fi
  mkdir -p "$home"
  rm -f "$home/pid"
  local in_root=()
  # It wants its root to be a mount, which that of a chroot is not: then it gets one, which only it sees.
  if ! mountpoint -q /; then
    mkdir -p "$home/root"
    # shellcheck disable=SC2016  # the inner shell's
    in_root=(unshare --mount --propagation unchanged sh -c 'mount --rbind / "$0" && exec chroot "$0" "$@"' "$home/root")
  fi
  setsid "${in_root[@]}" dockerd --data-root "$home/data" --exec-root "$home/exec" --pidfile "$home/pid" --host "$own" \
    --bip 198.18.0.1/24 --default-address-pool base=198.19.0.0/16,size=24 >"$home/log" 2>&1 </dev/null &
  local pid=$! deadline=$((SECONDS + 60))
  until answers "$own"; do
    if ! kill -0 "$pid" 2>/dev/null || ((SECONDS > deadline)); then
      kill "$pid" 2>/dev/null || true
      die "dockerd does not start here: $(tail -n 1 "$home/log") (all of it: ${home#"$root/"}/log)"
    fi
    sleep 0.2
  done
  say "$own"
}

stop() {
  local pid deadline=$((SECONDS + 60))
  pid=$(own_process) || return 0
  kill "$pid"
  while [ -e "/proc/$pid" ]; do
    if ((SECONDS > deadline)); then die "dockerd (process $pid) does not end"; fi
    sleep 0.2
  done
}

case ${1:-} in
  start | stop) "$1" ;;
  status) find_engine || die "no engine answers" ;;
  *)
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
