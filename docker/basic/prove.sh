#!/usr/bin/env bash
# Proves that three nginx behind Weir share the load evenly, and that one of them may die and come back under it.
# usage: docker/basic/prove.sh [--engine | --namespaces]
set -uo pipefail
limit=180
source "$(dirname "${BASH_SOURCE[0]}")/../support/prove.sh"

connections=40

# A connection for each request, so that every request is a session of Weir's.
# It ends after so many seconds, or before when it is told to: end_load.
load() { on client wrk -t 2 -c "$connections" -d "$1s" -H 'Connection: close' http://weir:8080/ >"$work/wrk" 2>&1; }
end_load() { on client pkill -INT -x wrk; }
# Sessions whose client has asked, has stayed, and has got nothing; and those of them that were at backend $1.
cut_sessions() { logs weir | grep ' session ' | grep -v ' reason=client_' | grep ' download=0 '; }
cut_at() { cut_sessions | grep -c " backend=$1@"; }

title "three nginx behind Weir"
up
wait_for 20 "Weir is ready" weir_is_ready
wait_for 20 "all three are up" all_backends_are up

step "4 s of wrk through Weir, a connection for each request"
load 4
figure "$(wrk_requests "$work/wrk") requests, $(wrk_rate "$work/wrk") a second; sessions: $(of_backends sessions_total | paste -sd ',' | sed 's/,/, /g')"
claim "requests are answered" test "$(wrk_requests "$work/wrk")" -gt 100
claim "none fails" test "$(wrk_errors "$work/wrk")" -eq 0
claim "the spread is even: each has as many sessions, give or take one" test "$(spread 3)" -le 1

step "under the same load web2 is killed, and brought back"
load 70 &
loading=$!
before=$(of_backend web2 sessions_total)
web2_has_more_than() { [ "$(of_backend web2 sessions_total)" -gt "$1" ]; }
wait_for 20 "the load is there" web2_has_more_than $((before + 100))
send KILL web2
wait_for 20 "Weir finds out" backend_is web2 down
figure "$(logs weir | grep ' backend_down ' | grep 'backend=web2@' | tail -n 1)"
start web2
wait_for 30 "web2 is up again" backend_is web2 up
before=$(of_backend web2 sessions_total)
wait_for 30 "web2 has sessions again, under the same load" web2_has_more_than $((before + 100))
claim "the load was there all the time" kill -0 "$loading"
end_load
wait "$loading"
figure "$(wrk_requests "$work/wrk") requests, $(wrk_errors "$work/wrk") failed; sessions that were cut at web2: $(cut_at web2)"
# A client that was cut off may meet it once more: its kernel takes connections for as long as its processes are dying.
claim "at most $((2 * connections)) requests fail, two for each of wrk's connections" test "$(wrk_errors "$work/wrk")" -le $((2 * connections))
claim "and no more than sessions were cut at web2" test "$(wrk_errors "$work/wrk")" -le "$(cut_at web2)"
claim "no session was cut elsewhere" test "$(cut_sessions | wc -l)" -eq "$(cut_at web2)"

step "2 s of load after it"
load 2
claim "none fails" test "$(wrk_errors "$work/wrk")" -eq 0
