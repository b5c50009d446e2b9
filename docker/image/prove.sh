#!/usr/bin/env bash
# Proves what Weir's image is and how it behaves as process 1 of a container: rights, signals, health, a stop without loss.
# usage: docker/image/prove.sh [--engine | --namespaces]
set -uo pipefail
limit=180
source "$(dirname "${BASH_SOURCE[0]}")/../support/prove.sh"

of_process_1() { on weir sed -n "s/^$1:[[:space:]]*//p" /proc/1/status; }
weir_log_has() { logs weir | grep -q "$1"; }
answers() { [ "$(on client curl -sS -m 5 http://weir:8080/ 2>/dev/null)" = ok ]; }
fails() { ! "$@" 2>/dev/null; }
# Milliseconds of a clock that only goes forward.
now() { awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime; }
# A file's text is exchanged in place: a mount of it stays one.
edit() { sed "$1" "$here/etc/weir.toml" >"$WEIR_CONFIG/weir.toml"; }

# --- what only an image has ----------------------------------------------------------------------------------------

inspect() { docker image inspect -f "$1" "${WEIR_IMAGE:-weir}"; }
# The names of files with one in them. GnuTLS tries itself with keys that are in its library, and are known to everybody.
private_keys() {
  python3 -c '
import re, sys, tarfile
for member in (tar := tarfile.open(fileobj=sys.stdin.buffer, mode="r|")):
    if member.isfile() and "/libgnutls.so" not in member.name:
        if re.search(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}", tar.extractfile(member).read()):
            print(member.name)'
}
files_of_image() { docker export "${containers[weir]}" | tar -t; }

check_contents() {
  step "what is in the image"
  figure "$(inspect '{{.Size}}' | awk '{ printf "%.0f MB", $1 / 1e6 }'), of which weir is $(on weir stat -Lc %s /usr/bin/weir | awk '{ printf "%.1f MB", $1 / 1e6 }')"
  files_of_image >"$work/files"
  claim "it has no compiler, no linker, no make" fails grep -E '(^|/)bin/([a-z0-9_]+-)*(gcc|g\+\+|cc|c\+\+|clang|ld|as|make|cmake|ninja)(-[0-9]+)?$' "$work/files"
  claim "it has no sources and no build folder" fails grep -E '(^|/)(src|build|prebuilt|\.git)/.|\.(cc|h|o|a)$' "$work/files"
  claim "it has no key and no environment file" fails grep -E '\.(key|p12|pfx|env)$|id_(rsa|ed25519)|\.netrc|\.ssh/' "$work/files"
  claim "no file has a private key in it" test -z "$(docker export "${containers[weir]}" | private_keys)"
  claim "the packages' caches are left out" fails grep -E '^var/(lib/apt/lists|cache/apt/archives)/.+(_Packages|\.deb)' "$work/files"
  claim "it runs as a number that is not root" test "$(inspect '{{.Config.User}}')" = 65532:65532
  claim "its label has the version that the program says" is "weir $(label version)" "$(on weir weir --version)"
  if [ "${WEIR_IMAGE:-}" = weir-local/proven ]; then # others may be of another commit, or not say it
    claim "and the commit that it was built from" is "$(label revision)" "$(git -C "$root" describe --always --dirty --exclude '*' 2>/dev/null || say unknown)"
  fi
  for file in copyright THIRD_PARTY.md; do
    claim "it has the notices of what it carries ($file)" grep -qx "usr/share/doc/weir/$file" "$work/files"
  done
}

# As README.md's first lines start it: with nothing but a backend, and stopped without a word about time.
check_defaults() {
  step "the configuration that the image comes with, and an empty file in the place of each shell"
  local name=$project-defaults
  docker run -d --name "$name" --network "${project}_default" --read-only --cap-drop ALL \
    -v /dev/null:/usr/bin/dash:ro -v /dev/null:/usr/bin/bash:ro -e WEIR_BACKEND=web:80 "${WEIR_IMAGE:-weir}" >/dev/null
  wait_for 20 "it is healthy" health_is "$name" healthy
  claim "it is healthy" health_is "$name" healthy
  claim "and serves" test "$(on client curl -sS "http://$(address_of "$name"):8080/")" = ok

  on client sh -c "curl -sS -m 30 http://$(address_of "$name"):8080/slow | wc -c" >"$work/slow" 2>&1 &
  local loading=$!
  wait_for 10 "an answer of four seconds is under way" has_sessions "$name" 1
  docker stop "$name" >/dev/null
  wait "$loading"
  claim "\"docker stop\" with its ten seconds: an answer of four comes whole" test "$(tr -d ' ' <"$work/slow")" = 1048576
  claim "exit status 0" test "$(docker inspect -f '{{.State.ExitCode}}' "$name")" = 0

  docker start "$name" >/dev/null
  wait_for 20 "it is healthy again" health_is "$name" healthy
  on client python3 -c 'import socket, sys; socket.create_connection((sys.argv[1], 8080), 30).recv(1)' "$(address_of "$name")" >"$work/idle" 2>&1 &
  wait_for 10 "a session that does not end is there" has_sessions "$name" 1
  docker stop "$name" >/dev/null
  claim "a session that does not end is cut by Weir (exit status 3), before the engine would kill (137)" \
    test "$(docker inspect -f '{{.State.ExitCode}}' "$name")" = 3
}
has_sessions() { [ "$(docker exec "$1" weir ctl listeners --json | from_json "d['listeners'][0]['sessions_open']")" = "$2" ]; }
health_is() { [ "$(docker inspect -f '{{.State.Health.Status}}' "$1")" = "$2" ]; }
address_of() { docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$1"; }

# From the engine's word that the process was started to Weir's own word that it is ready.
start_time() {
  python3 - "$(docker inspect -f '{{.State.StartedAt}}' "${containers[weir]}")" "$(logs weir | sed -n 's/ info ready .*//p' | tail -n 1)" <<'PY'
import datetime, sys
began, ready = (datetime.datetime.fromisoformat(text[:23].rstrip("Z") + "+00:00") for text in sys.argv[1:])
print(f"{(ready - began).total_seconds() * 1000:.0f} ms")
PY
}

# --- both forms ----------------------------------------------------------------------------------------------------

export WEIR_CONFIG=$work/etc
mkdir "$WEIR_CONFIG"
edit ''
title "the image, and Weir as process 1"
up
wait_for 20 "Weir is ready" weir_is_ready
on_as_root web sh -c 'head -c 1048576 /dev/urandom >/slow.bin; chmod 644 /slow.bin'
if [ "$form" = engine ]; then
  check_contents
  check_defaults
fi

step "rights"
claim "Weir is process 1" test "$(of_process_1 Name)" = weir
claim "it is not root" test "$(of_process_1 Uid | tr '\t' ' ')" = "65532 65532 65532 65532"
claim "it has no capability, and none to be had" test "$(of_process_1 CapPrm) $(of_process_1 CapBnd)" = "0000000000000000 0000000000000000"
claim "and can get none (no_new_privs)" test "$(of_process_1 NoNewPrivs)" = 1
for place in / /etc /usr/bin /var/log; do
  claim "nothing can be written in $place, not even by root" fails on_as_root weir touch "$place/written"
done
claim "it serves so" answers

step "health"
claim "weir ctl ready says yes" weir_is_ready
if [ "$form" = engine ]; then
  figure "from the start of its process to \"ready\": $(start_time)"
  wait_for 20 "the engine calls it healthy" health_is "${containers[weir]}" healthy
  claim "the engine calls it healthy" health_is "${containers[weir]}" healthy
fi

step "SIGHUP reads the configuration again"
edit 's/^backends = .*/&\nretries = 1/'
send HUP weir
in_force() { weir_log_has ' setting .*pools.web.retries before=2 after=1'; }
wait_for 10 "the change is told" in_force
claim "a change is in force" in_force
edit 's/^backends/nonsense/'
send HUP weir
wait_for 10 "the mistake is told" weir_log_has 'nonsense'
claim "a mistake is told and changes nothing" answers
edit ''

step "SIGUSR2 would end the container with its first process"
send USR2 weir
wait_for 10 "the refusal is told" weir_log_has ' upgrade .*process 1'
figure "$(logs weir | grep ' upgrade ' | tail -n 1 | cut -d ' ' -f 2-)"
claim "it is refused with the reason, and Weir goes on" answers

step "a stop while a client is in the middle of an answer of four seconds"
on client sh -c 'curl -sS -m 30 http://weir:8080/slow | wc -c' >"$work/slow" 2>&1 &
loading=$!
one_session() { [ "$(on weir weir ctl listeners --json | from_json "d['listeners'][0]['sessions_open']")" = 1 ]; }
wait_for 10 "the answer is under way" one_session
began=$(now)
stop weir 35 &
stopping=$!
refused() { on client sh -c 'curl -s -m 2 http://weir:8080/; test $? -eq 7'; }
wait_for 5 "new connections are refused" refused
claim "while it stops new connections are refused" refused
claim "and weir ctl ready says no" fails weir_is_ready
wait "$loading"
claim "the answer comes whole" test "$(tr -d ' ' <"$work/slow")" = 1048576
wait "$stopping"
figure "stopped after $(($(now) - began)) ms, of 35 s that it had"
claim "Weir ended when it was done, not when its time was over" test $(($(now) - began)) -lt 20000
claim "exit status 0: every session ended by itself" test "$(exit_status weir)" = 0

step "a start again"
start weir
wait_for 20 "Weir is ready again" weir_is_ready
claim "it serves" answers
