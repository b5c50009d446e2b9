#!/usr/bin/env bash
# Proves that one port serves three names: two as they come, with their servers' own certificates, one that ends at Weir.
# usage: docker/tls-sni/prove.sh [--engine | --namespaces]
set -uo pipefail
limit=120
source "$(dirname "${BASH_SOURCE[0]}")/../support/prove.sh"

# What a name answers, by a client that wants a good certificate for it.
ask() { on client curl -sS -m 5 --cacert /ca.pem "https://$1.example:8443/"; }
is_answered() { [ "$(ask "$1" 2>/dev/null)" = "$1" ]; }
fingerprint() { openssl x509 -noout -fingerprint -sha256; }
of_file() { fingerprint <"$WEIR_CERTIFICATES/$1/chain.pem"; }
shown() { on client sh -c "openssl s_client -connect weir:8443 -servername $1.example </dev/null 2>/dev/null" | fingerprint 2>/dev/null; }
shows_its_own() { [ "$(shown "$1")" = "$(of_file "$1")" ]; }
keys_of() { on "$1" sh -c 'cat /etc/*/tls/key.pem' | openssl pkey -pubout; }
key_of_file() { openssl pkey -pubout <"$WEIR_CERTIFICATES/$1/key.pem"; }
fails() { ! "$@" 2>/dev/null; }
closed_by() { [ "$(on weir weir ctl listeners --json | from_json "d['listeners'][0]['closed_total']['$1']")" -ge 1 ]; }

export WEIR_CERTIFICATES=$work/certificates
"$here/certificates.sh" "$WEIR_CERTIFICATES" || skip "openssl cannot make certificates here"
title "one port, three names"
up
wait_for 20 "Weir is ready" weir_is_ready
for name in shop api site; do wait_for 20 "$name answers" is_answered "$name"; done

step "each name"
for name in shop api; do
  claim "$name.example leads to its server" is_answered "$name"
  claim "and shows the certificate of its server" shows_its_own "$name"
  claim "whose key is there" is "$(keys_of "$name")" "$(key_of_file "$name")"
  claim "and not at Weir" fails is "$(keys_of weir)" "$(key_of_file "$name")"
done
claim "site.example leads to a server that knows nothing of TLS" is_answered site
claim "and shows the certificate that Weir has" shows_its_own site
claim "whose key is at Weir" is "$(keys_of weir)" "$(key_of_file site)"
figure "$(on client sh -c 'openssl s_client -connect weir:8443 -servername site.example </dev/null 2>/dev/null' | grep -E '^New, |^    Protocol' | paste -sd ' ')"
logs weir | grep ' session ' | grep -oE '(server_name|pool)=[^ ]*' | paste -d ' ' - - | sort -u | while IFS= read -r line; do figure "in the log: $line"; done

step "what belongs to none of them"
claim "another name is turned away" fails ask other
claim "by its reason, no_route" closed_by no_route
claim "what is no TLS is turned away" fails on client curl -sS -m 5 http://weir:8443/
claim "by its reason, client_hello" closed_by client_hello

step "2 s of wrk for each"
for name in shop api site; do
  on client wrk -t 1 -c 20 -d 2s "https://$name.example:8443/" >"$work/wrk.$name" 2>&1
  figure "$name.example: $(wrk_requests "$work/wrk.$name") requests, $(wrk_errors "$work/wrk.$name") failed"
  claim "$name.example: requests are answered, none fails" \
    test "$(wrk_requests "$work/wrk.$name")" -gt 100 -a "$(wrk_errors "$work/wrk.$name")" -eq 0
done

step "site.example gets a new certificate"
before=$(shown site)
"$here/certificates.sh" "$WEIR_CERTIFICATES" site
wait_for 20 "the new one is shown" shows_its_own site
claim "it is shown without a restart and without a word to Weir" shows_its_own site
claim "and is another one" fails is "$(shown site)" "$before"
claim "the name still answers" is_answered site
