#!/usr/bin/env bash
# Proves that servers behind Weir log their real clients and Weir's sessions, and that not everybody may name a client.
# usage: docker/proxy-protocol/prove.sh [--engine | --namespaces]
set -uo pipefail
limit=120
source "$(dirname "${BASH_SOURCE[0]}")/../support/prove.sh"

client=198.18.23.10
other=198.18.23.11
front=198.18.23.5

# Whether this nginx reads the id: 1.23.2 or later.
nginx_reads_ids() {
  local found
  if [ "$form" = engine ]; then
    need_images
    found=$(docker run --rm "${NGINX_IMAGE:-nginx:stable}" nginx -v 2>&1)
  else
    found=$(nginx -v 2>&1)
  fi
  [ "$(printf '%s\n' 1.23.2 "${found##*/}" | sort -V | head -n 1)" = 1.23.2 ]
}

ask() { on "$1" curl -sS -m 5 "http://$2/$3"; }
# The fields of the log lines of $1 that hold $2, as "CLIENT ID"; without an id where the server does not log it.
lines_of() { logs "$1" | grep "$2" | sed -n 's/.* client=\([^ ]*\)\( weir=\([^ ]*\)\)*.*/\1 \3/p'; }
# The same of Weir's sessions at a listener.
sessions_at() { logs weir | sed -n "s/.* session id=\([^ ]*\) listener=$1 client=\([^ ]*\) .*/\2 \1/p"; }
logged() { [ "$(lines_of "$1" "$2" | wc -l)" -ge "$3" ]; }
# Whether each line of file $1 stands once in file $2: the client, and the id where there is one.
joins() {
  local line
  while IFS= read -r line; do
    [ "$(grep -c "^${line% }\( \|$\)" "$2")" = 1 ] || return 1
  done <"$1"
  [ -s "$1" ]
}
has_status_400() { [[ $1 == "HTTP/1"*" 400 "* ]]; }
has() { grep -q "$1" "$2"; }

if [ -z "${NGINX_LOG:-}" ] && ! nginx_reads_ids; then export NGINX_LOG=address; fi
title "who the client is"
if [ "${NGINX_LOG:-}" = address ]; then figure "this nginx cannot read ids: its log is joined with Weir's by the client's address and port"; fi
up
wait_for 20 "Weir is ready" weir_is_ready
wait_for 20 "front is ready" ask client front:8080 ready

step "one request each way"
claim "without the PROXY protocol nginx takes Weir for the client" test "$(ask client weir:8081 plain)" != "$client"
claim "with it nginx knows the client" test "$(ask client weir:8080 one)" = "$client"
claim "and the other one" test "$(ask other weir:8080 two)" = "$other"
claim "HAProxy knows the client" test "$(ask client weir:8082 three)" = "$client"
claim "through a proxy before Weir nginx still knows the client" test "$(ask client front:8080 four)" = "$client"
wait_for 5 "all is logged" logged web four 1
figure "$(logs web | grep ' /two ')"
figure "$(logs weir | grep "client=$other:" | cut -d ' ' -f 2-)"
figure "$(logs haproxy | grep ' /three ')"

step "50 requests of each client, to nginx and to HAProxy"
# shellcheck disable=SC2016  # the clients' shell's
many='for n in $(seq 50); do curl -sS -m 5 "http://weir:8080/many" "http://weir:8082/many"; done'
on client sh -c "$many" >"$work/client" &
on other sh -c "$many" >"$work/other"
wait $!
claim "each is answered with the client's address" test "$(sort "$work/client" "$work/other" | uniq -c | awk '{ print $1, $2 }' | paste -sd ' ')" = "100 $client 100 $other"
wait_for 5 "nginx has logged them" logged web /many 100
wait_for 5 "HAProxy has logged them" logged haproxy /many 100
lines_of web /many >"$work/web.log"
lines_of haproxy /many >"$work/haproxy.log"
sessions_at web >"$work/web.sessions"
sessions_at haproxy >"$work/haproxy.sessions"
claim "nginx: each of its lines belongs to one session in Weir's log" joins "$work/web.log" "$work/web.sessions"
claim "HAProxy: each has the id of the session in Weir's log, and its client" joins "$work/haproxy.log" "$work/haproxy.sessions"
figure "$(head -n 1 "$work/haproxy.log") in HAProxy's log, $(grep -F "$(head -n 1 "$work/haproxy.log")" "$work/haproxy.sessions") in Weir's"

step "who may say who the client is"
logs weir | grep " client=$client:.* proxy=.*$front" >"$work/behind"
claim "Weir's log names the client and the proxy before it" test -s "$work/behind"
on other sh -c 'exec 2>/dev/null; printf "PROXY TCP4 203.0.113.7 203.0.113.8 1 2\r\nGET / HTTP/1.0\r\n\r\n" | timeout 3 curl -s -m 2 telnet://weir:8083' >"$work/forged"
claim "others than that proxy get no answer" test ! -s "$work/forged"
untrusted() { [ "$(on weir weir ctl listeners --json | from_json "next(l for l in d['listeners'] if l['name'] == 'behind')['refused_total']['untrusted']")" -ge 1 ]; }
claim "and are counted as untrusted" untrusted
logs web >"$work/web.all"
claim "what they claim reaches no server" is "$(grep -c 203.0.113 "$work/web.all")" 0
# Past Weir, straight to the servers.
lie_to() { on other sh -c "exec 2>/dev/null; printf 'PROXY TCP4 203.0.113.7 203.0.113.8 1 2\r\nGET /lie HTTP/1.0\r\n\r\n' | timeout 3 curl -s -m 2 telnet://$1:8000"; }
claim "nginx believes nobody but Weir" is "$(lie_to web | tail -n 1)" "$other"
wait_for 5 "nginx has logged it" logged web /lie 1
claim "and logs who it was" is "$(lines_of web /lie | cut -d : -f 1)" "$other"
claim "HAProxy takes no such words from others" has_status_400 "$(lie_to haproxy)"
