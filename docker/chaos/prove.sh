#!/usr/bin/env bash
# Proves what Weir does with servers that refuse, hang, reset, slow down and come back, by clients that check every byte.
# usage: [CHAOS_SECONDS=120] [CHAOS_SEED=7] docker/chaos/prove.sh [--engine | --namespaces]
set -uo pipefail
CHAOS_SECONDS=${CHAOS_SECONDS:-120}
CHAOS_SEED=${CHAOS_SEED:-7}
export CHAOS_SECONDS CHAOS_SEED
limit=$((CHAOS_SECONDS + 120))
source "$(dirname "${BASH_SOURCE[0]}")/../support/prove.sh"

visitors() { on client python3 /visitors.py weir 8080 "$CHAOS_SEED" "$@"; }
# A number of the report's last line.
number() { tail -n 1 "$work/report" | grep -oE "(^| )$1 [0-9]+" | grep -oE '[0-9]+'; }
sessions_total() { of_backends sessions_total | cut -d' ' -f2 | paste -sd ' '; }
open_sessions() { on weir weir ctl listeners --json | from_json "d['listeners'][0]['sessions_open']"; }
nobody_is_there() { [ "$(open_sessions)" = 0 ]; }

title "servers that fail in every way, for $CHAOS_SECONDS s, seed $CHAOS_SEED"
up
wait_for 20 "Weir is ready" weir_is_ready
step "12 clients check every byte"
visitors 12 $((CHAOS_SECONDS + 2)) >"$work/visitors"
wait_for 10 "all sessions have ended" nobody_is_there
logs weir >"$work/weir.log"
for server in moody1 moody2 moody3; do logs "$server" >"$work/$server.log"; done
python3 "$here/report.py" "$work"/{visitors,weir.log,moody1.log,moody2.log,moody3.log} >"$work/report"
while IFS= read -r line; do figure "$line"; done < <(sed '$d' "$work/report")

claim "the servers were well, refused, hung, reset and were slow" test "$(number moods)" = 5
claim "some requests were lost, so that there is something to explain" test "$(number lost)" -gt 0
claim "nine of ten were good" test "$(number good)" -gt $((9 * $(number lost)))
claim "no byte was wrong, and no cut answer looked whole" test "$(number wrong)" = 0
claim "each that was lost has its reason in Weir's log, at a server that had taken it" test "$(number unexplained)" = 0
claim "none was lost at the server that was well" test "$(number at_steady)" = 0
claim "none was lost for a server that refused" test "$(number refused)" = 0

step "all are well again"
wait_for 30 "Weir uses all again" all_backends_are up
before=$(sessions_total)
visitors 1 20 200 >"$work/after"
claim "200 requests, one after the other: none is lost" test "$(from_json "d['good'], len(d['lost']), len(d['wrong'])" <"$work/after")" = "(200, 0, 0)"
figure "sessions of each since: $(paste -d ' ' <(tr ' ' '\n' <<<"$before") <(sessions_total | tr ' ' '\n') | awk '{ print $2 - $1 }' | paste -sd ' ')"
claim "each server has its quarter" test "$(from_json "sorted(d['by_server'].values())" <"$work/after")" = "[50, 50, 50, 50]"
stop weir 35
claim "Weir ends with status 0" test "$(exit_status weir)" = 0
