#!/usr/bin/env bash
# Builds the Debian package of the last commit into build/package/.
# usage: scripts/package.sh [VERSION ...]
#   Installs the packages that are missing (as root, or with sudo), and builds in a copy of the committed tree,
#   build/package/source/: debhelper leaves nothing in the checkout, and what is not committed is not in the package.
#   VERSION   in place of that of debian/changelog; with several, one package each, from one build: for trying upgrades
#   DEB_BUILD_OPTIONS is heeded: nocheck, noautodbgsym, parallel=N (otherwise WEIR_JOBS, or all processors).
# The log is build/package/build.log. Prints the packages' names.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
folder=$root/build/package
source_folder=$folder/source
log=$folder/build.log

copy_tree() {
  rm -rf "$source_folder"
  mkdir -p "$source_folder"
  git -C "$root" archive HEAD | tar -x -C "$source_folder"
}

# What debian/changelog begins with is the package's version.
set_version() { sed -i "1s/(.*)/($1)/" "$source_folder/debian/changelog"; }

# The copy is clean, so nothing is to be cleaned: what one version has compiled serves the next.
build_version() {
  local version architecture
  version=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$source_folder/debian/changelog")
  architecture=$(dpkg --print-architecture)
  (cd "$source_folder" && rm -f debian/debhelper-build-stamp debian/files &&
    quietly "$log" dpkg-buildpackage --unsigned-source --unsigned-changes --build=binary --no-pre-clean) ||
    die "the package was not built"
  say "${folder#"$root"/}/weir_${version}_$architecture.deb"
}

case ${1:-} in -h | --help)
  sed -n '2,9s/^# \{0,1\}//p' "$0"
  exit 0
  ;;
esac
"$root/scripts/packages.sh" package
rm -f "$folder"/weir*.deb "$folder"/weir*.buildinfo "$folder"/weir*.changes "$log"
copy_tree
case " ${DEB_BUILD_OPTIONS:-} " in
  *\ parallel=*) ;;
  *) export DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:-} parallel=$jobs" ;;
esac
# Debhelper gives the build a home of its own: a compiler's cache stays where it is.
if command -v ccache >/dev/null; then CCACHE_DIR=$(ccache --get-config cache_dir) && export CCACHE_DIR; fi
if [ $# -eq 0 ]; then build_version; fi
for version in "$@"; do
  set_version "$version"
  build_version
done
