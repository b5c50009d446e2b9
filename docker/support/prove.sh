# What the topologies' prove.sh share: how a topology is started and stopped in either form, how its services are
# reached, how claims are told. Sourced, from bash, with the arguments of prove.sh:
#   --engine       containers, by compose; an engine is started for it where none runs and one can be
#   --namespaces   the same processes with the same files in network namespaces (docker/netns.sh)
#                  Neither: the engine if one answers, else namespaces.
# It must end within `limit` seconds (ten minutes more with an engine), which may be set before sourcing it. Whatever
# happens, what was started is ended.
# Exit status: 0 every claim holds, 1 one does not, 77 it could not be tried ("SKIPPED: why").
# What is proven, and said: WEIR_BINARY, if it is set, in both forms. Else in containers WEIR_IMAGE, or the image `weir`, or
# one of build/release/weir; in namespaces build/release/weir.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$(cd "$(dirname "$0")" && pwd)
topology=${here##*/}
limit=${limit:-120}
project=weir-prove-$topology
export WEIR_PORT=0 WEIR_ADMIN_PORT=0 PROMETHEUS_PORT=0 # free ones
# For a proof's own files; whoever runs in a container may read them.
work=
form=
own_engine=
claims=0
broken=0

say() { printf '%s\n' "$*"; }
skip() {
  say "SKIPPED: $*"
  exit 77
}

# One at a time, since they measure; and each within its limit, by the clock of another process.
if [ -z "${PROOF_BEGUN:-}" ]; then
  if [ "${1:-}" = --namespaces ] && [ "$(id -u)" -ne 0 ]; then skip "network namespaces need root"; fi
  lock=$root/build/docker/lock
  # Whoever may only read it can hold it too.
  { mkdir -p "$root/build/docker" && { [ -e "$lock" ] || : >"$lock"; }; } 2>/dev/null
  [ -r "$lock" ] || skip "build/docker cannot be written here"
  exec 9<"$lock"
  flock 9
  # Images that are not there yet are made first, which may take minutes.
  if [ "${1:-}" != --namespaces ]; then limit=$((limit + 600)); fi
  # It is a process group of its own, to which a Ctrl-C does not come: it is told.
  PROOF_BEGUN=1 timeout --kill-after=60 "$limit" "$0" "$@" &
  proof=$!
  told=1
  trap 'told=1; kill -HUP "$proof" 2>/dev/null' INT HUP
  trap 'told=1; kill -TERM "$proof" 2>/dev/null' TERM
  while [ -n "$told" ]; do
    told=
    wait "$proof"
    status=$?
  done
  case $status in 124 | 137) say "FAIL it took longer than $limit s" ;; esac
  exit "$status"
fi
# What somebody has named, and what there is otherwise.
meant=${WEIR_BINARY:-}
export WEIR_BINARY=${WEIR_BINARY:-$root/build/release/weir}

# --- the two forms -------------------------------------------------------------------------------------------------

compose() {
  if docker compose version >/dev/null 2>&1; then
    docker compose -p "$project" -f "$here/compose.yaml" "$@"
  else
    docker-compose -p "$project" -f "$here/compose.yaml" "$@"
  fi
}
container() { compose ps -a -q "$1"; }
# Each service's container, asked for once.
declare -A containers=()
netns() { "$root/docker/netns.sh" "$topology" "$@"; }
# What netns.sh leaves for each service that runs.
ways_in=$root/build/docker/netns/$topology

# The images of the compose file: those that the environment names, or that the engine has by the names in the file; the
# others are made from Debian's packages where that can be done, else fetched by compose.
images_are_there=
need_images() {
  [ -z "$images_are_there" ] || return 0
  images_are_there=1
  local why variable default missing=()
  why=$(tar -cf - -T /dev/null | docker import - weir-local/nothing 2>&1) || skip "the engine takes no image here: ${why##*: }"
  while read -r variable default; do
    if [ -n "${!variable:-}" ]; then
      has_image "${!variable}" || docker pull -q "${!variable}" >&2 || exit 1
    elif has_image "$default"; then
      continue
    elif can_make_images; then
      missing+=("$(tr '[:upper:]' '[:lower:]' <<<"${variable%_IMAGE}")")
      export "$variable=weir-local/${missing[-1]}"
    elif [ "$default" = weir-client ]; then
      docker build -q -t weir-client "$root/docker/client" >&2 </dev/null || exit 1
    fi
  done < <(sed -n 's/.*image: ${\([A-Z]*_IMAGE\):-\([^}]*\)}.*/\1 \2/p' "$here/compose.yaml" | grep -v -E '^(WEIR|GRAFANA)_' | sort -u)
  if [ ${#missing[@]} -gt 0 ]; then "$root/docker/base-image.sh" "${missing[@]}" >&2 || exit 1; fi
  why=$(docker run --rm "${CLIENT_IMAGE:-weir-client}" true 2>&1) || skip "the engine cannot start a container here: ${why##*: }"
  need_weir_image
}
has_image() { docker image inspect "$1" >/dev/null 2>&1; }
can_make_images() { [ "$(id -u)" -eq 0 ] && command -v debootstrap >/dev/null; }

need_weir_image() {
  if [ -z "$meant" ] && [ -n "${WEIR_IMAGE:-}" ]; then
    has_image "$WEIR_IMAGE" || docker pull -q "$WEIR_IMAGE" >&2 || exit 1
    return 0
  fi
  if [ -z "$meant" ] && has_image weir; then return 0; fi
  can_make_images || skip "there is no image \`weir\` (docker/README.md builds it), and making one of $WEIR_BINARY needs root and debootstrap"
  export WEIR_IMAGE=weir-local/proven
  "$root/docker/image.sh" --binary "$WEIR_BINARY" --tag "$WEIR_IMAGE" >&2 || exit 1
}

choose_engine() {
  "$root/docker/engine.sh" status >/dev/null 2>&1 || own_engine=1
  DOCKER_HOST=$("$root/docker/engine.sh" start 2>&1) || skip "${DOCKER_HOST##*$'\n'}"
  export DOCKER_HOST
  form=engine
  docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null || skip "there is no compose"
}

choose_form() {
  case ${1:-} in
    --engine) choose_engine ;;
    --namespaces) form=namespaces ;;
    '') if "$root/docker/engine.sh" status >/dev/null 2>&1; then choose_engine; else form=namespaces; fi ;;
  esac
  if [ "$form" = namespaces ] && [ "$(id -u)" -ne 0 ]; then skip "network namespaces need root"; fi
}

# Starts the topology.
up() {
  if [ "$form" = engine ]; then
    need_images
    remove_containers >"$work/up.log" 2>&1 || true
    if ! compose up -d --no-build >>"$work/up.log" 2>&1; then
      tail -n 20 "$work/up.log"
      exit 1
    fi
    local service
    while IFS= read -r service; do containers[$service]=$(container "$service"); done < <(compose config --services)
    figure "image ${WEIR_IMAGE:-weir}, of $(label created | cut -c 1-19), commit $(label revision): $(on weir weir --version)"
  else
    netns up -d || exit 1
    figure "$WEIR_BINARY: $(on weir weir --version)"
  fi
}

# Those of `docker run` too, whose names begin as compose's do.
remove_containers() {
  docker ps -aq --filter "name=^/?${project}[-_]" | xargs -r docker rm -f
  compose down -t 1
}

# label NAME: of Weir's image, as far as the Open Containers' annotations are there; `created` by the engine itself.
label() {
  local field="index .Config.Labels \"org.opencontainers.image.$1\""
  if [ "$1" = created ]; then field=.Created; fi
  docker image inspect -f "{{$field}}" "${WEIR_IMAGE:-weir}"
}

down() {
  if [ "$form" = engine ]; then
    remove_containers >/dev/null 2>&1
  fi
  if [ "$form" = namespaces ]; then netns down; fi
  if [ -n "$own_engine" ]; then "$root/docker/engine.sh" stop; fi
}

# on SERVICE COMMAND...: runs it beside the service, as the service's user. on_as_root: as root.
on() {
  local service=$1
  shift
  if [ "$form" = engine ]; then docker exec "${containers[$service]}" "$@"; else sh "$ways_in/$service.enter" "$@"; fi
}
on_as_root() {
  local service=$1
  shift
  if [ "$form" = engine ]; then
    docker exec -u 0:0 "${containers[$service]}" "$@"
  else
    ENTER_USER=0:0 sh "$ways_in/$service.enter" "$@"
  fi
}
# send SIGNAL SERVICE
send() { if [ "$form" = engine ]; then docker kill -s "$1" "${containers[$2]}" >/dev/null; else netns kill -s "$1" "$2"; fi; }
# start SERVICE: one that has ended, again
start() { if [ "$form" = engine ]; then docker start "${containers[$1]}" >/dev/null; else netns start "$1"; fi; }
# stop SERVICE SECONDS: asks it to end, and kills it after SECONDS
stop() { if [ "$form" = engine ]; then docker stop -t "$2" "${containers[$1]}" >/dev/null; else netns stop -t "$2" "$1"; fi; }
# exit_status SERVICE: of one that has ended
exit_status() { if [ "$form" = engine ]; then docker inspect -f '{{.State.ExitCode}}' "${containers[$1]}"; else netns status "$1"; fi; }
# logs SERVICE: all that it has written
logs() { if [ "$form" = engine ]; then docker logs "${containers[$1]}" 2>&1; else netns logs "$1"; fi; }

# --- what is claimed -----------------------------------------------------------------------------------------------

# title TEXT: what this proof is about. step TEXT: what is done next. figure TEXT: what was seen, without a verdict.
title() {
  local in="network namespaces"
  if [ "$form" = engine ]; then in=containers; fi
  say "== docker/$topology, $in: $*"
}
step() { say "-- $*"; }
figure() { say "        $*"; }

# claim TEXT COMMAND...: COMMAND says by its exit status whether TEXT is so.
claim() {
  local text=$1
  shift
  claims=$((claims + 1))
  if "$@" >/dev/null; then
    say "   PASS $text"
  else
    broken=$((broken + 1))
    say "   FAIL $text"
  fi
}

# wait_for SECONDS TEXT COMMAND...: until COMMAND succeeds; without that nothing else can be tried.
wait_for() {
  local deadline=$((SECONDS + $1)) text=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS > deadline)); then
      claim "$text, in time" false
      exit 1
    fi
    sleep 0.1
  done
}

# Ends what was started, says how many claims hold; the exit status tells as well. The end of every proof.
finish() {
  local status=$?
  trap - EXIT
  trap '' INT HUP TERM
  exec >&3 # who is interrupted may be in the middle of writing to a file
  if [ "$status" -eq 0 ] && { [ "$claims" -eq 0 ] || [ "$broken" -gt 0 ]; }; then status=1; fi
  if [ "$status" -eq 1 ] || [ "$status" -eq 143 ]; then
    if [ "$form" = namespaces ] || [ -n "${containers[weir]:-}" ]; then
      say "-- the end of Weir's log, without its sessions"
      logs weir 2>&1 | grep -v ' session ' | tail -n 15
    fi
  fi
  # shellcheck disable=SC2046  # a list of numbers
  kill $(jobs -p) 2>/dev/null
  down
  rm -rf "$work"
  case $status in
    130 | 143) say "== ended before its end, after $claims claims" ;;
    0) say "== all $claims claims hold, in $SECONDS s" ;;
    1) say "== $broken of $claims claims do not hold" ;;
  esac
  exit "$status"
}

# --- reading -------------------------------------------------------------------------------------------------------

# from_json EXPRESSION: of the document `d` on standard input, in Python.
from_json() { python3 -c 'import json, sys; d = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"; }

# of_backends FIELD: of each backend of Weir's pools "NAME VALUE", a line each.
of_backends() {
  on weir weir ctl backends --json |
    from_json "'\n'.join(f\"{b['name'].partition('@')[0]} {b['$1']}\" for p in d['pools'] for b in p['backends'])"
}
# of_backend NAME FIELD
of_backend() { of_backends "$2" | sed -n "s/^$1 //p"; }
# spread COUNT: by how much the sessions of so many backends differ; nothing when it is not so many that have some.
spread() {
  of_backends sessions_total | cut -d' ' -f2 | sort -n |
    awk -v count="$1" 'NR == 1 { least = $1 } { most = $1 } END { if (NR == count && least > 0) print most - least }'
}

is() { [ "$1" = "$2" ]; }
weir_is_ready() { on weir weir ctl ready; }
all_backends_are() { [ "$(of_backends state | cut -d' ' -f2 | sort -u)" = "$1" ]; }
backend_is() { [ "$(of_backend "$1" state)" = "$2" ]; }

# What wrk has written to a file: requests that were answered, and those that failed in whatever way.
wrk_requests() { sed -n 's/^ *\([0-9]*\) requests in .*/\1/p' "$1" | grep . || say 0; }
wrk_errors() {
  sed -n 's/^ *Socket errors: connect \([0-9]*\), read \([0-9]*\), write \([0-9]*\), timeout \([0-9]*\)$/\1 \2 \3 \4/p
          s/^ *Non-2xx or 3xx responses: \([0-9]*\)$/\1/p' "$1" | awk '{ for (i = 1; i <= NF; i++) sum += $i } END { print sum + 0 }'
}
wrk_rate() { sed -n 's/^Requests\/sec: *//p' "$1"; }

case ${1:-} in
  --engine | --namespaces | '') ;;
  *)
    say "usage: docker/$topology/prove.sh [--engine | --namespaces]" >&2
    exit 2
    ;;
esac
exec 3>&1
trap finish EXIT
trap 'exit 130' INT HUP
trap 'exit 143' TERM
work=$(mktemp -d)
chmod 755 "$work"
choose_form "$@"
