#!/usr/bin/env bash
# Proves that Prometheus watches Weir, has an answer to each question of the dashboard, and alerts when a backend dies.
# usage: docker/observability/prove.sh [--engine | --namespaces]
set -uo pipefail
limit=150
source "$(dirname "${BASH_SOURCE[0]}")/../support/prove.sh"

# An instant query's first value; nothing when there is none.
value_of() {
  on client curl -sS -G -m 5 --data-urlencode "query=$1" http://prometheus:9090/api/v1/query |
    from_json "next((r['value'][1] for r in d['data']['result']), '')"
}
# The states of an alert, one for each backend, e.g. "web2 firing".
alerts() {
  on client curl -sS -m 5 http://prometheus:9090/api/v1/alerts |
    from_json "'\n'.join(a['labels']['backend'].partition('@')[0] + ' ' + a['state'] for a in d['data']['alerts'] if a['labels']['alertname'] == '$1')"
}
is_up() { [ "$(value_of 'up{job="weir"}')" = 1 ]; }
fires() { alerts WeirBackendDown | grep -qx "$1 firing"; }
is_quiet() { [ -z "$(alerts WeirBackendDown)" ]; }
http_status() { on client curl -sS -m 5 -o /dev/null -w '%{http_code}' "$@"; }
sessions() { of_backends sessions_total | awk '{ sum += $2 } END { print sum }'; }
knows_all() { [ "$(value_of 'sum(weir_backend_sessions_total)')" = "$(sessions)" ]; }

export WEIR_TOKEN_FILE=$work/token WEIR_RULES=$work/rules.yml
openssl rand -hex 32 >"$WEIR_TOKEN_FILE"
# As README.md does it; who is not root cannot give it away.
if [ "$(id -u)" -eq 0 ]; then
  chown 65532:65534 "$WEIR_TOKEN_FILE"
  chmod 440 "$WEIR_TOKEN_FILE"
else
  chmod 644 "$WEIR_TOKEN_FILE"
fi
sed 's/^\( *for:\) [0-9]*[smh]$/\1 2s/' "$here/../prometheus/alerts.yml" >"$WEIR_RULES"
chmod 644 "$WEIR_RULES"

title "Prometheus watches Weir"
up
wait_for 20 "Weir is ready" weir_is_ready
wait_for 30 "Prometheus has scraped Weir" is_up

step "who may scrape"
claim "Prometheus, with the token" is_up
claim "nobody without it" test "$(http_status http://weir:9900/metrics)" = 401
claim "whether Weir is ready is open to everybody, for health checks" test "$(http_status http://weir:9900/ready)" = 200

step "3 s of wrk, and what Prometheus knows of it"
on client wrk -t 1 -c 20 -d 3s -H 'Connection: close' http://weir:8080/ >"$work/wrk" 2>&1
wait_for 10 "Prometheus knows of all" knows_all
figure "$(wrk_requests "$work/wrk") requests; sessions: $(sessions) by Weir, $(value_of 'sum(weir_backend_sessions_total)') by Prometheus"
claim "it has the same number of sessions as Weir" knows_all
claim "and at least as many as wrk had requests" test "$(sessions)" -ge "$(wrk_requests "$work/wrk")"
claim "all $(value_of 'count(weir_backend_state == 1)') backends are up" test "$(value_of 'sum(weir_backend_state{state="up"})')" = 2

step "the dashboard (Grafana itself is not among Debian's packages: its questions are asked instead)"
on client python3 /panels.py /weir.json http://prometheus:9090 >"$work/panels"
while IFS= read -r line; do figure "$line"; done <"$work/panels"
claim "Prometheus understands each" grep -qE 'questions ([1-9][0-9]*) answered \1 ' "$work/panels"
claim "and has data for at least half, in a Weir with little configured" \
  test "$(sed -n 's/.*with data //p' "$work/panels")" -ge "$(($(sed -n 's/^questions \([0-9]*\).*/\1/p' "$work/panels") / 2))"

step "web2 dies (the rules wait for 2 s here)"
claim "no backend is down before" is_quiet
send KILL web2
wait_for 20 "an alert fires" fires web2
claim "WeirBackendDown fires for web2" fires web2
claim "and for nobody else" test "$(alerts WeirBackendDown | wc -l)" = 1
figure "$(on client curl -sS -m 5 http://prometheus:9090/api/v1/alerts | from_json "[a['annotations']['summary'] for a in d['data']['alerts'] if a['labels']['alertname'] == 'WeirBackendDown'][0]")"
start web2
wait_for 20 "it ends" is_quiet
claim "it ends when web2 is back" is_quiet
