#!/usr/bin/env bash
# Makes the images that all others here begin with from Debian's packages, where no registry of images can be reached.
# usage: docker/base-image.sh [--force] [--env] [IMAGE ...]
#   debian    a bare Debian, for comparison with debian:bookworm-slim
#   build     that, and the packages that Weir is built with: Dockerfile's BUILD_IMAGE
#   runtime   that, and the libraries that Weir runs with:    Dockerfile's BASE_IMAGE
#   nginx     that, and nginx with its stream module
#   client    that, and what the topologies' clients are: wrk, curl, openssl, python3
#   prometheus, haproxy   as they are called
# Each becomes weir-local/IMAGE in the engine; all of them when none is named. What is there already stays, unless the
# list of its packages has changed or --force is given. --env prints, for a shell to read, the settings by which the
# compose files take them, and by which docker and compose find the engine that answers.
# Needs root, debootstrap, and the package sources of this machine.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"
suite=bookworm
work=$root/build/docker/images
log=$root/build/docker/base-image.log
everything=(debian build runtime nginx client prometheus haproxy)

packages_of() {
  case $1 in
    debian) ;;
    build) "$root/scripts/packages.sh" --list build ;;
    runtime) "$root/scripts/packages.sh" --list run ;;
    nginx) printf '%s\n' nginx libnginx-mod-stream ;;
    client) printf '%s\n' wrk curl openssl python3 iproute2 procps ;;
    prometheus | haproxy) printf '%s\n' "$1" ;;
    *) die "no image is called \"$1\": ${everything[*]}" ;;
  esac
}

# What a container of it runs when it is told nothing else, as the official images do.
command_of() {
  case $1 in
    nginx) say 'CMD ["nginx", "-g", "daemon off;"]' ;;
    client) say 'CMD ["sleep", "infinity"]' ;;
    prometheus) say 'ENTRYPOINT ["prometheus"]' ;;
    haproxy) say 'CMD ["haproxy", "-f", "/etc/haproxy/haproxy.cfg"]' ;;
    *) say 'CMD ["bash"]' ;;
  esac
}

# The first Debian archive among this machine's package sources.
archive() {
  local found
  found=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -oE 'https?://[^ ]*/debian/?( |$)' || true)
  found=${found%%$'\n'*}
  found=${found% }
  [ -n "$found" ] || die "no Debian archive is among the package sources of this machine (/etc/apt)"
  say "$found"
}

# As debian:bookworm-slim does: no manuals, no translations, no lists of packages.
slim_rules='path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/lintian/*
path-exclude /usr/share/locale/*'

bootstrap() {
  local tree=$work/debian from
  from=$(archive)
  rm -rf --one-file-system "$tree"
  quietly "$log" debootstrap --variant=minbase "$suite" "$tree" "$from" || die "debootstrap failed"
  say "$slim_rules" >"$tree/etc/dpkg/dpkg.cfg.d/slim"
  find "$tree/usr/share/doc" -type f ! -name copyright -delete
  rm -rf "$tree"/usr/share/{man,info,lintian,locale}/* "$tree"/var/cache/apt/*.bin "$tree"/var/cache/apt/archives/*.deb \
    "$tree"/var/lib/apt/lists/* "$tree"/var/log/*.log
  tar -C "$tree" -cf "$work/debian.tar.part" --numeric-owner .
  mv "$work/debian.tar.part" "$work/debian.tar"
  rm -rf --one-file-system "$tree"
}

# install_into TREE PACKAGE...: with this machine's package sources, which are taken out again. In a mount namespace of
# its own, so that whatever happens nothing stays mounted.
install_into() {
  local tree=$1
  shift
  cp -a "$tree/etc/apt" "$tree/etc/apt.own"
  cp -a /etc/apt/. "$tree/etc/apt/"
  cp -L /etc/resolv.conf /etc/hosts "$tree/etc/"
  mkdir -p "$tree/usr/share/keyrings" "$tree/etc/ssl/certs"
  cp -aLn /usr/share/keyrings/. "$tree/usr/share/keyrings/"
  say '#!/bin/sh
exit 101' >"$tree/usr/sbin/policy-rc.d"
  chmod 755 "$tree/usr/sbin/policy-rc.d"
  # shellcheck disable=SC2016  # the inner shell's
  quietly "$log" unshare --mount sh -ec '
    tree=$1
    shift
    mount --bind /proc "$tree/proc"
    mount --rbind /dev "$tree/dev"
    export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
    chroot "$tree" apt-get -q update
    chroot "$tree" apt-get -q -y install --no-install-recommends "$@"' sh "$tree" "$@" || die "installing into $tree failed"
  rm -rf "$tree/etc/apt" "$tree/usr/sbin/policy-rc.d" "$tree"/var/lib/apt/lists/* "$tree"/var/cache/apt/*.bin \
    "$tree"/var/cache/apt/archives/*.deb "$tree"/var/log/*.log "$tree"/var/log/apt "$tree"/etc/{hosts,resolv.conf}
  mv "$tree/etc/apt.own" "$tree/etc/apt"
}

# What an image is made of: another list gives another image.
recipe() { { packages_of "$1"; command_of "$1"; say "$suite $slim_rules"; } | sha256sum | cut -c 1-16; }

recipe_of_image() { docker image inspect --format '{{index .Config.Labels "weir.recipe"}}' "weir-local/$1" 2>/dev/null; }

make_image() {
  local name=$1 tree=$work/$1.tree wanted packages
  wanted=$(recipe "$name")
  if [ -z "$force" ] && [ "$(recipe_of_image "$name")" = "$wanted" ]; then return 0; fi
  say "making weir-local/$name (log: ${log#"$root/"})"
  mkdir -p "$work"
  [ -f "$work/debian.tar" ] || bootstrap
  rm -rf --one-file-system "$tree"
  mkdir "$tree"
  tar -C "$tree" -xf "$work/debian.tar" --numeric-owner
  mapfile -t packages < <(packages_of "$name")
  if [ ${#packages[@]} -gt 0 ]; then install_into "$tree" "${packages[@]}"; fi
  tar -C "$tree" -c --numeric-owner . | docker import --change "$(command_of "$name")" --change "LABEL weir.recipe=$wanted" \
    --change "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" - "weir-local/$name" >>"$log"
  rm -rf --one-file-system "$tree"
}

print_environment() {
  local engine
  if engine=$("$root/docker/engine.sh" status 2>/dev/null); then printf 'export DOCKER_HOST=%q\n' "$engine"; fi
  say "export BASE_IMAGE=weir-local/runtime BUILD_IMAGE=weir-local/build"
  say "export WEIR_IMAGE=weir-local/weir NGINX_IMAGE=weir-local/nginx CLIENT_IMAGE=weir-local/client"
  say "export PROMETHEUS_IMAGE=weir-local/prometheus HAPROXY_IMAGE=weir-local/haproxy"
}

main() {
  local wanted=() name
  force=
  while [ $# -gt 0 ]; do
    case $1 in
      --force) force=1 ;;
      --env)
        print_environment
        return 0
        ;;
      -*)
        sed -n '2,14s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
      *) wanted+=("$1") ;;
    esac
    shift
  done
  if [ ${#wanted[@]} -eq 0 ]; then wanted=("${everything[@]}"); fi
  for name in "${wanted[@]}"; do packages_of "$name" >/dev/null; done
  [ "$(id -u)" -eq 0 ] || die "needs root, for debootstrap and chroot"
  command -v debootstrap >/dev/null || die "needs debootstrap (Debian's package of that name)"
  DOCKER_HOST=$("$root/docker/engine.sh" status)
  export DOCKER_HOST
  mkdir -p "${log%/*}"
  : >"$log"
  if [ -n "$force" ]; then rm -f "$work/debian.tar"; fi
  for name in "${wanted[@]}"; do make_image "$name"; done
}
main "$@"
