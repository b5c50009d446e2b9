#!/usr/bin/env bash
# Measures the same three servers behind nginx's stream module and behind Weir, in turn, and ends with a table.
# usage: docker/versus-nginx/prove.sh [--engine | --namespaces]
set -uo pipefail
limit=300
source "$(dirname "${BASH_SOURCE[0]}")/../support/prove.sh"

rounds=4
errors=0

# Processor time that a proxy's processes have used, in ticks of 10 ms.
ticks() {
  if [ "$1" = weir ]; then on weir cat /proc/1/stat; else on nginx sh -c 'cat /proc/[0-9]*/stat' | grep '(nginx)'; fi |
    sed 's/.*) //' | awk '{ sum += $12 + $13 } END { print sum }'
}

# measure LOAD ROUND PROXY PATH [WRK-OPTION...]
measure() {
  local load=$1 round=$2 proxy=$3 path=$4 before
  shift 4
  before=$(ticks "$proxy")
  on client wrk -t 1 -c 64 -d 2s "$@" "http://$proxy:8080$path" >"$work/wrk" 2>&1
  errors=$((errors + $(wrk_errors "$work/wrk")))
  say "$load $round $proxy $(wrk_rate "$work/wrk") $(($(ticks "$proxy") - before)) $(wrk_requests "$work/wrk")" |
    awk '{ print $1, $2, $3, $4, $5 * 10000 / $6 }' >>"$work/rates"
}

# The greatest of the loads' ratios of processor time, Weir's to nginx's: what stands before the last range of a row.
most_time() { sed -n '2,$s/.* \([0-9.]*\) ([^(]*)$/\1/p' "$work/table" | sort -n | tail -n 1; }
at_most() { awk -v is="$1" -v wanted="$2" 'BEGIN { exit !(is != "" && is <= wanted) }'; }
answers() { on client curl -sS -m 5 "http://$1:8080/"; }

title "nginx's stream module and Weir, in front of the same servers"
up
wait_for 20 "Weir is ready" weir_is_ready
wait_for 20 "nginx is ready" answers nginx
for server in web1 web2 web3; do on_as_root "$server" sh -c 'head -c 65536 /dev/zero >/64k.bin; chmod 644 /64k.bin'; done

step "three loads, $rounds rounds of 2 s, the two in turn"
: >"$work/rates"
for round in $(seq $rounds); do
  # Who goes first changes.
  if ((round % 2)); then order=(nginx weir); else order=(weir nginx); fi
  for proxy in "${order[@]}"; do measure connections_that_stay "$round" "$proxy" /; done
  for proxy in "${order[@]}"; do measure a_connection_for_each_request "$round" "$proxy" / -H 'Connection: close'; done
  for proxy in "${order[@]}"; do measure answers_of_64_KiB "$round" "$proxy" /64k; done
done
python3 "$root/docker/support/table.py" nginx weir <"$work/rates" >"$work/table"
while IFS= read -r line; do figure "$line"; done <"$work/table"

claim "no request failed at either" test "$errors" -eq 0
claim "all loads were measured in all rounds" test "$(wc -l <"$work/rates")" -eq $((rounds * 6))
claim "Weir's servers have as many sessions each, give or take one" test "$(spread 3)" -le 1
# Rates depend on what else the machine does; the time that a request takes of a processor much less.
claim "a request takes at most 1.25 times nginx's processor time, in the median of each load (now $(most_time))" at_most "$(most_time)" 1.25
