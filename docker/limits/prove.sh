#!/usr/bin/env bash
# Proves that Weir holds what its servers hold together, and keeps to the rules of who may come in and how fast.
# usage: docker/limits/prove.sh [--engine | --namespaces]
set -uo pipefail
limit=120
source "$(dirname "${BASH_SOURCE[0]}")/../support/prove.sh"

each=250
all=750
rate=50
burst=50

hold() { on client python3 /hold.py "$@"; }
of_listener() { on weir weir ctl listeners --json | from_json "next(l for l in d['listeners'] if l['name'] == '$1')$2"; }
refused() { of_listener guarded "['refused_total']['$1']"; }
in_flight() { of_backends in_flight | grep '^server' | cut -d' ' -f2 | paste -sd ' '; }
nobody_is_there() { [ "$(in_flight)" = "0 0 0" ]; }
gets_in() { on "$1" curl -sS -m 5 http://weir:8081/; }
keeps_out() { ! gets_in "$1" 2>/dev/null; }
weir_log_has() { logs weir | grep -q "$1"; }
file_has() { grep -q "$1" "$2"; }
file_has_two_numbers() { grep -Eq 'held [0-9]+ of [0-9]+' "$1"; }

title "three servers that hold $each connections each, and a guarded listener"
up
wait_for 20 "Weir is ready" weir_is_ready
wait_for 20 "the servers are there" on client python3 /hold.py server3 9000 1 0

step "what the container gives Weir"
claim "its queue is as long as net.core.somaxconn there" weir_log_has 'accept queue 16384 on each'
claim "it works out what it can hold from nofile there" weir_log_has 'max_connections [0-9]* = (8192 descriptors'

step "one server alone, asked for 400 connections"
hold server1 9000 400 0 >"$work/alone"
figure "$(head -n 1 "$work/alone")"
claim "it holds $each of them" file_has "held $each of 400" "$work/alone"

step "Weir, asked for $all"
hold weir 8080 "$all" 6 >"$work/held" 2>&1 &
holding=$!
wait_for 20 "they are told" file_has_two_numbers "$work/held"
figure "$(cat "$work/held"); at the servers: $(in_flight)"
claim "it holds all $all" file_has "held $all of $all" "$work/held"
claim "each server has exactly $each" test "$(in_flight)" = "$each $each $each"
claim "of 20 more it holds none" is "$(hold weir 8080 20 0 | sed -n 1p)" "held 0 of 20"
claim "which are counted by their reason" test "$(of_listener many "['closed_total']['pool_full']")" -ge 20
wait "$holding"
claim "every byte of the $all came back all the while" file_has "kept $all" "$work/held"
wait_for 10 "their places are free" nobody_is_there
claim "places that are free are given again" is "$(hold weir 8080 20 0 | sed -n 1p)" "held 20 of 20"

step "an allow list and a deny list"
claim "whom allow names comes in" gets_in client
claim "whom deny names does not, in the middle of those" keeps_out denied
claim "whom nothing names does not" keeps_out stranger
claim "both are counted" test "$(refused denied)" -ge 2
on weir weir ctl refusals | while IFS= read -r line; do figure "$line"; done

step "flooder opens as many connections as it can for 7 s, client makes 20 requests a second"
on flooder wrk -t 1 -c 100 -d 7s -H 'Connection: close' http://weir:8081/ >"$work/flood" 2>&1 &
flooding=$!
flood_is_there() { [ "$(refused client_rate)" -gt 100 ]; }
wait_for 5 "the flood is there" flood_is_there
on client python3 /visit.py weir 8081 20 5 >"$work/visits"
wait "$flooding"
figure "client:  $(cat "$work/visits")"
figure "flooder: $(wrk_requests "$work/flood") answered in 7 s; refused $(refused client_rate)"
claim "no request of the client fails" file_has 'failed 0 ' "$work/visits"
claim "99 of 100 of them take less than a second" test "$(sed 's/.*p99 \([0-9]*\).*/\1/' "$work/visits")" -lt 1000
# wrk measures its seconds to a tenth or so.
claim "the flooder gets no more than $rate a second and $burst at once" test "$(wrk_requests "$work/flood")" -le $((rate * 15 / 2 + burst))
claim "and no less than $rate a second" test "$(wrk_requests "$work/flood")" -ge $((rate * 6))
claim "thousands were refused" test "$(refused client_rate)" -gt 1000
