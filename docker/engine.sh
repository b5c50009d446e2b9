#!/usr/bin/env bash
# A Docker engine for the time of a test, where none runs: Debian's dockerd, started by hand.
# usage: docker/engine.sh start | stop | status
#   start   starts one, unless one answers already, and prints the DOCKER_HOST that leads to it
#   stop    ends the one that `start` has started, and no other, and takes back what it has set in the host, also when it
#           has ended by itself
#   status  prints the DOCKER_HOST of the engine that would be used; fails when none answers
#   All that it keeps is in build/docker/engine. Its networks are numbered from 198.18.0.0/15, which is meant for
#   tests (RFC 2544). Needs root, and the package docker.io.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"
home=$root/build/docker/engine
own=unix://$home/docker.sock

answers() { timeout 20 docker --host "$1" version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# The engine that is there: the one that the environment names, that of docker's context, the machine's, or one of ours.
find_engine() {
  local host context
  context=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null) || true
  for host in "${DOCKER_HOST:-}" "$context" unix:///var/run/docker.sock "$own"; do
    if [ -n "$host" ] && answers "$host"; then
      say "$host"
      return 0
    fi
  done
  return 1
}

# Whether a process is a dockerd. One that has ended and is only waited for has no memory any more, and so no command line.
is_dockerd() { [ "$(cat "/proc/$1/comm" 2>/dev/null)" = dockerd ] && grep -qsa . "/proc/$1/cmdline"; }

# The process that `start` has started, if it is still there.
own_process() {
  local pid
  pid=$(cat "$home/pid" 2>/dev/null) && is_dockerd "$pid" && say "$pid"
}

# dockerd sets the host's packet filters, its forwarding and bridges, and leaves them when it ends. What was there before
# is noted, so that it can be put back. A note stays until that has been done, however the engine ended; where another
# engine has left its mark already nothing is noted, nor changed later.
note_host() {
  local booted
  booted=$(cat /proc/sys/kernel/random/boot_id)
  if [ "$(cat "$home/host/boot" 2>/dev/null)" = "$booted" ]; then return 0; fi
  rm -rf "$home/host"
  if ! command -v iptables-save >/dev/null || iptables-save | grep -q DOCKER || [ -e /sys/class/net/docker0 ]; then
    return 0
  fi
  mkdir -p "$home/host"
  cat /proc/sys/net/ipv4/ip_forward >"$home/host/ip_forward"
  local filter
  for filter in iptables ip6tables; do policy_of "$filter" >"$home/host/$filter"; done
  bridges >"$home/host/bridges"
  say "$booted" >"$home/host/boot"
}

# What becomes of packets that are passed on and that no rule is about. Asked so that no table comes of it.
policy_of() {
  local found
  found=$("$1-save" -t filter 2>/dev/null | sed -n 's/^:FORWARD \([A-Z]*\).*/\1/p') || true
  say "${found:-ACCEPT}"
}

# Those that an engine makes, by name.
bridges() { (cd /sys/class/net && printf '%s\n' *) | grep -E '^(docker0|br-[0-9a-f]{12})$' || true; }

# Rules of others that have come since stay.
restore_host() {
  [ -d "$home/host" ] || return 0
  if another_engine; then
    complain "another dockerd runs: what the ended one has set in the host stays until the next \`stop\`"
    return 0
  fi
  local filter rules bridge
  for filter in iptables ip6tables; do
    rules=$("$filter-save" --counters 2>/dev/null) || true
    [[ $rules == *DOCKER* ]] || continue
    # Each container that publishes a port has a rule for packets to itself, which names no bridge.
    sed -E '/DOCKER|docker0|br-[0-9a-f]{12}|-s (198\.1[89]\.[0-9.]+)\/32 -d \1\/32 .*-j MASQUERADE/d' <<<"$rules" | "$filter-restore" --counters
    "$filter" -P FORWARD "$(cat "$home/host/$filter")"
  done
  cp "$home/host/ip_forward" /proc/sys/net/ipv4/ip_forward
  for bridge in $(bridges | grep -vxFf "$home/host/bridges"); do ip link delete "$bridge"; done
  rm -rf "$home/host"
}

# Processes called dockerd that are not the one of `start`, which has ended when this is asked.
another_engine() {
  local process
  for process in /proc/[0-9]*; do
    if is_dockerd "${process#/proc/}"; then return 0; fi
  done
  return 1
}

# What an engine that was killed has left: its containerd, containers with who watches them, mounts.
end_orphans() {
  local process children at
  for process in /proc/[0-9]*; do
    grep -qsaF "$home/exec/" "$process/cmdline" || continue
    case $(cat "$process/comm" 2>/dev/null) in
      containerd) children=() ;;
      containerd-shim*) mapfile -t children < <(children_of "${process#/proc/}") ;;
      *) continue ;;
    esac
    kill -KILL "${process#/proc/}" "${children[@]}" 2>/dev/null || true
  done
  # The innermost come last.
  cut -d ' ' -f 5 /proc/self/mountinfo | grep -F "$home/" | tac | while IFS= read -r at; do umount --lazy "$at"; done || true
}
children_of() { grep -lsE "^PPid:[[:space:]]+$1\$" /proc/[0-9]*/status | cut -d / -f 3 || true; }

start() {
  find_engine && return 0
  [ "$(id -u)" -eq 0 ] || die "no engine runs, and only root can start one"
  command -v dockerd >/dev/null || die "no engine runs, and there is no dockerd to start (Debian's package docker.io)"
  if own_process >/dev/null; then die "the engine that was started before (process $(own_process)) does not answer"; fi
  mkdir -p "$home"
  rm -f "$home/pid"
  note_host
  local in_root=()
  # It wants its root to be a mount, which that of a chroot is not: then it gets one, which only it sees.
  if ! mountpoint -q /; then
    mkdir -p "$home/root"
    # shellcheck disable=SC2016  # the inner shell's
    in_root=(unshare --mount --propagation unchanged sh -c 'mount --rbind / "$0" && exec chroot "$0" "$@"' "$home/root")
  fi
  # Of what the caller has open it keeps nothing: it may outlive a lock's owner.
  setsid "${in_root[@]}" dockerd --data-root "$home/data" --exec-root "$home/exec" --pidfile "$home/pid" --host "$own" \
    --bip 198.18.0.1/24 --default-address-pool base=198.19.0.0/16,size=24 >"$home/log" 2>&1 </dev/null \
    3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
  local pid=$! deadline=$((SECONDS + 60))
  until answers "$own"; do
    if ! kill -0 "$pid" 2>/dev/null || ((SECONDS > deadline)); then
      kill "$pid" 2>/dev/null || true
      wait "$pid" 2>/dev/null || true
      restore_host
      die "dockerd does not start here: $(tail -n 1 "$home/log") (all of it: ${home#"$root/"}/log)"
    fi
    sleep 0.2
  done
  say "$own"
}

stop() {
  local pid deadline=$((SECONDS + 60))
  if pid=$(own_process); then
    kill "$pid"
    while is_dockerd "$pid"; do
      if ((SECONDS > deadline)); then die "dockerd (process $pid) does not end"; fi
      sleep 0.2
    done
  fi
  end_orphans
  restore_host
}

case ${1:-} in
  start | stop) "$1" ;;
  status) find_engine || die "no engine answers" ;;
  *)
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
