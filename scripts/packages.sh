#!/usr/bin/env bash
# The one list of Debian packages that Weir needs, by purpose, and the way to install what is missing of it.
# usage: scripts/packages.sh [--list] run | build | test | full | bench | package
#   run     the libraries that a built Weir needs, and the authorities whose certificates it believes
#   build   what ./run.sh needs to build and run Weir
#   test    that, and what ./test.sh needs
#   full    that, and what ./test.sh --full needs: clang's tools and the real servers that Weir is tried against
#   bench   what bench/run.sh needs: Weir's build, other proxies and a load generator
#   package what scripts/package.sh needs: Weir's build, and Debian's tools for packages
#   --list  prints the packages and installs nothing
# Installs only what is missing and is silent when nothing is. Needs root, or sudo. Servers that come with it are
# neither started nor left to start at boot: tests and benchmarks start their own.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

run_packages=(
  libevent-core-2.1-7 libevent-extra-2.1-7 libtomlplusplus3 libfmt9 libncursesw6 libcap-ng0 libxxhash0 libsystemd0 libbpf1 libc-ares2 libssl3
  ca-certificates # tls.ca = "system"
)
build_packages=(
  cmake ninja-build g++ pkg-config # the build itself
  libevent-dev                     # the admin door's HTTP
  libboost-dev                     # the HTTP of who asks it (Beast)
  libtomlplusplus-dev              # configuration
  libexpected-dev                  # values or errors
  libfmt-dev                       # text formatting
  libcli11-dev                     # command line
  nlohmann-json3-dev               # JSON
  libncurses-dev                   # weir top
  libjs-chart.js                   # the charts of the dashboard
  libcap-ng-dev                    # dropping rights
  libxxhash-dev                    # hashing of clients
  libsystemd-dev                   # what the service manager is told
  libbpf-dev                       # BPF maps and programs
  libc-ares-dev                    # names of backends
  libssl-dev                       # TLS
)
test_packages=(
  libgtest-dev libgmock-dev # unit and process tests
  python3                   # tests/*_test.py
  python3-jsonschema        # the admin door's answers against its document
  python3-pyte              # a terminal for weir top
  openssl                   # a certificate for that
  iproute2                  # network namespaces
)
full_packages=(
  clang clang-tidy clang-format libclang-rt-14-dev # static checks; fuzz targets
  shellcheck                                       # the scripts
  nginx libnginx-mod-stream wrk haproxy            # HTTP backends, their load, and peers to measure against
  curl openssl                                     # clients, and a certificate, for proxies in front of Weir
  redis-server redis-tools                         # redis-benchmark through Weir
  postgresql                                       # pgbench through Weir
  python3-websockets                               # a connection that idles and goes on
  strace                                           # system calls per request
  sslscan testssl.sh                               # what is found wrong with TLS that ends at Weir
  chromium chromium-driver python3-selenium        # the dashboard in a browser
  prometheus                                       # promtool: the metrics, the alert rules; docker/observability
  docker.io containerd docker-compose debootstrap  # docker/: an engine, compose, the images
  iptables                                         # the engine's networks
  python3-yaml                                     # docker/netns.sh reads the compose files
  procps                                           # and counts processes
  groff man-db mandoc                              # the manual pages
  bash zsh fish                                    # completions
  lintian                                          # the Debian package; debootstrap makes the bare root for it
)
bench_packages=(
  nginx libnginx-mod-stream haproxy # HTTP backends; the proxies to measure against
  wrk                               # load
  pen                               # a small proxy to measure against
  openssl                           # a certificate, for proxies at which TLS ends
  iproute2                          # network namespaces
  python3                           # bench/run.py
  libbenchmark-dev                  # bench/micro
)
package_packages=(
  debhelper dpkg-dev fakeroot # the package
  git                         # of the last commit
)
# systemd units of the servers above, each behind the package that brings it.
server_units=(
  nginx:nginx.service haproxy:haproxy.service redis-server:redis-server.service postgresql:postgresql.service
  prometheus:prometheus.service docker.io:docker.service docker.io:docker.socket containerd:containerd.service
)
policy=/usr/sbin/policy-rc.d

packages_for() {
  case $1 in
    run) printf '%s\n' "${run_packages[@]}" ;;
    build) printf '%s\n' "${build_packages[@]}" ;;
    test) printf '%s\n' "${build_packages[@]}" "${test_packages[@]}" ;;
    full) printf '%s\n' "${build_packages[@]}" "${test_packages[@]}" "${full_packages[@]}" "${package_packages[@]}" ;;
    bench) printf '%s\n' "${build_packages[@]}" "${bench_packages[@]}" ;;
    package) printf '%s\n' "${build_packages[@]}" "${package_packages[@]}" ;;
    *) die "no purpose is called \"$1\": run, build, test, full, bench or package" ;;
  esac
}

# Of the packages given, those that are not installed.
missing_of() {
  local installed
  # dpkg-query fails when it does not know one of the names; the others it still prints.
  installed=$(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
  printf '%s\n' "$@" | grep -vxFf <(sed -n 's/^installed //p' <<<"$installed") || true
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"
}

# Debian starts a server when its package is installed, unless policy-rc.d says no (invoke-rc.d(8)). One that
# is already there is the administrator's: it stays as it is.
forbid_service_start() {
  [ -e "$policy" ] && return 0
  trap allow_service_start EXIT
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
}
allow_service_start() {
  as_root rm -f "$policy"
}

# Keeps servers that this run brought in from starting at the next boot.
disable_new_servers() {
  [ -d /run/systemd/system ] || return 0
  local unit
  for unit in "${server_units[@]}"; do
    case " $* " in *" ${unit%%:*} "*) as_root systemctl disable --quiet "${unit#*:}" ;; esac
  done
}

install_missing() {
  local log=$root/build/packages.log names wanted missing
  names=$(packages_for "$1")
  mapfile -t wanted <<<"$names"
  if ! command -v dpkg-query >/dev/null; then
    complain "this is not Debian, so nothing is installed; what is needed, by Debian's names: ${wanted[*]}"
    return 0
  fi
  mapfile -t missing < <(missing_of "${wanted[@]}")
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
    die "packages are missing, and installing them needs root or sudo. As root:
  apt-get install --no-install-recommends ${missing[*]}"
  fi
  say "installing: ${missing[*]}"
  mkdir -p "${log%/*}"
  : >"$log"
  forbid_service_start
  quietly "$log" apt update || die "apt-get update failed: are the package sources reachable?"
  quietly "$log" apt install --no-install-recommends "${missing[@]}" || die "installing failed"
  disable_new_servers "${missing[@]}"
}

main() {
  local action=install_missing
  if [ "${1:-}" = --list ]; then
    action=packages_for
    shift
  fi
  if [ $# -ne 1 ]; then
    sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
    exit 2
  fi
  "$action" "$1"
}
main "$@"
