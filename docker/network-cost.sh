#!/usr/bin/env bash
# Measures what an engine's networks cost: the same Weir in front of the same nginx, in the host's network and on a bridge.
# usage: docker/network-cost.sh [ROUNDS]
#   host       Weir and nginx in the host's network, a client on the host
#   bridge     both on a bridge of the engine; the client goes to Weir's own address there
#   published  the same, to a port that the engine publishes on an address of this machine (rewritten by the kernel)
#   Two loads of 2 s each, in turn; 4 rounds unless told. Needs root, an engine (docker/engine.sh start), wrk on the host, and
#   the images of docker/image.sh and docker/base-image.sh, or others that WEIR_IMAGE and NGINX_IMAGE name.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"
rounds=${1:-4}
DOCKER_HOST=$("$root/docker/engine.sh" status)
export DOCKER_HOST
weir_image=${WEIR_IMAGE:-weir-local/weir}
nginx_image=${NGINX_IMAGE:-weir-local/nginx}
work=$(mktemp -d)
chmod 755 "$work"
network=weir-network-cost
# Of nginx in the host's network; Weir takes a free one by itself.
web_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])')

cleanup() {
  docker rm -f "$network"-{web,weir}-{host,bridge} >/dev/null 2>&1 || true
  docker network rm "$network" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# configuration FILE BACKEND: where Weir listens it says itself.
configuration() {
  printf '[log]\nsessions = "none"\n[listeners.web]\nbind = "0.0.0.0:0"\npool = "web"\n[pools.web]\nbackends = ["%s"]\n' "$2" >"$1"
}
run_weir() {
  local form=$1
  shift
  docker run -d --name "$network-weir-$form" --no-healthcheck -v "$work/$form.toml:/etc/weir/weir.toml:ro" "$@" "$weir_image" >/dev/null
}
# The port that Weir has taken, as its log has it.
port_of() { docker logs "$network-weir-$1" 2>&1 | sed -n 's/.* ready .*listeners="web=[^:]*:\([0-9]*\)".*/\1/p'; }
address_of() { docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$1"; }
measure() { # LOAD ROUND WHO URL [WRK-OPTION...]
  local rate
  rate=$(wrk -t 1 -c 64 -d 2s "${@:5}" "$4" | sed -n 's/^Requests\/sec: *//p')
  say "$1 $2 $3 $rate" >>"$work/rates"
}

cleanup
mkdir -p "$work"
sed "s/listen 80 /listen $web_port /" "$root/docker/basic/nginx.conf" >"$work/nginx-host.conf"
docker network create "$network" >/dev/null
docker run -d --name "$network-web-host" --network host -v "$work/nginx-host.conf:/etc/nginx/nginx.conf:ro" "$nginx_image" >/dev/null
docker run -d --name "$network-web-bridge" --network "$network" -v "$root/docker/basic/nginx.conf:/etc/nginx/nginx.conf:ro" "$nginx_image" >/dev/null
configuration "$work/host.toml" "127.0.0.1:$web_port"
configuration "$work/bridge.toml" "$network-web-bridge:80"
sed -i 's/0.0.0.0:0/0.0.0.0:8080/' "$work/bridge.toml"
chmod 644 "$work"/*
run_weir host --network host
run_weir bridge --network "$network" -p 0:8080
deadline=$((SECONDS + 20))
for form in host bridge; do
  until [ -n "$(port_of "$form")" ]; do
    if ((SECONDS > deadline)); then
      docker logs "$network-weir-$form" >&2
      die "Weir ($form) does not become ready; above is what it says"
    fi
    sleep 0.1
  done
done

machine=$(ip -o -4 route get 192.0.2.1 | sed -n 's/.* src \([0-9.]*\).*/\1/p')
declare -A url=(
  [host]="http://127.0.0.1:$(port_of host)/"
  [bridge]="http://$(address_of "$network-weir-bridge"):8080/"
  [published]="http://$machine:$(docker port "$network-weir-bridge" 8080/tcp | sed -n '1s/.*://p')/"
)
for round in $(seq "$rounds"); do
  for who in host bridge published; do measure connections_that_stay "$round" "$who" "${url[$who]}"; done
  for who in published bridge host; do measure a_connection_for_each_request "$round" "$who" "${url[$who]}" -H 'Connection: close'; done
done
python3 "$root/docker/support/table.py" host bridge published <"$work/rates"
