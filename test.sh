#!/usr/bin/env bash
# Builds Weir and runs its tests.
# usage: ./test.sh [--full] [-- CTEST-ARGUMENT ...]
#   Installs the packages that are missing (as root, or with sudo), then builds the presets "release" and "asan"
#   (AddressSanitizer and UndefinedBehaviorSanitizer) and runs every test in both, but for those that need other
#   servers or containers. Everything is run even after a failure; the exit status is 0 only when all of it passed.
#   --full  runs the tests with other servers and the topologies of docker/ too, in release the process tests once more
#           with Weir started as root and changing to another user, adds the preset "tsan" (ThreadSanitizer), runs each
#           fuzz target for half a minute (preset "fuzz"), and checks the sources (clang-tidy, clang-format) and the scripts (shellcheck)
#   Arguments after -- go to ctest, e.g.  ./test.sh -- -L unit    ./test.sh -- -R half_close
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/scripts/common.sh"
cd "$root"

full=
ctest_arguments=()

# What has been done: "name|outcome|seconds|remark" for each phase, in order.
phases=()
failed=
# What was not tried: "preset|test|reason" for each skipped test.
skipped=()
# The ctest run whose closing lines end the output: the first that failed, or else the last.
closing_preset=
closing_is_failure=

show_help() { sed -n '2,11s/^# \{0,1\}//p' "$root/test.sh"; }

read_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --full) full=1 ;;
      -h | --help)
        show_help
        exit 0
        ;;
      --)
        shift
        ctest_arguments=("$@")
        return 0
        ;;
      *)
        show_help >&2
        complain "unknown option: $1 (what is meant for ctest goes after --)"
        exit 2
        ;;
    esac
    shift
  done
}

# phase NAME COMMAND...: runs it, times it and remembers how it went. A command may leave a word in `remark`.
remark=
phase() {
  local name=$1 started=$SECONDS outcome=passed
  shift
  remark=
  say "== $name"
  "$@" || {
    outcome=FAILED
    failed=1
  }
  phases+=("$name|$outcome|$((SECONDS - started))|$remark")
  [ "$outcome" = passed ]
}

# Sanitizers of gcc 12 place their shadow memory where a kernel that randomises addresses widely may have put
# something else. Without randomisation they always find their place. Not every container allows it: then not.
calmly() {
  local preset=$1
  shift
  if [ "$preset" != release ] && setarch -R true 2>/dev/null; then setarch -R "$@"; else "$@"; fi
}

build_preset() {
  local preset=$1 log=$root/build/$1/build.log
  mkdir -p "${log%/*}"
  : >"$log"
  configure "$preset" "$log" -DWEIR_TESTS=ON || return 1
  # Building runs the test binaries once, to ask them for their tests.
  quietly "$log" calmly "$preset" cmake --build "build/$preset" --parallel "$jobs"
}

# Of ctest's lines shows all but the passed tests, and of those how many there have been.
show_failures() {
  local line
  while IFS= read -r line; do
    if [[ $line =~ ^\ +Start\ +[0-9]+: ]]; then
      continue
    elif [[ $line =~ ^\ *([0-9]+)/([0-9]+)\ Test\ .*\ Passed\ +[0-9.]+\ sec ]]; then
      if ((BASH_REMATCH[1] % 100 == 0)); then say "   ${BASH_REMATCH[1]} of ${BASH_REMATCH[2]} tests"; fi
    else
      printf '%s\n' "$line"
    fi
  done
}

# The lines that ctest ends a run with.
closing_lines() {
  sed -n '/^[0-9]*% tests passed/,$p; /^No tests were found/,$p' "$root/build/$1/test.log"
}

# Why a test was skipped, in its own words: skip_reason PRESET TEST. GoogleTest puts them between the place and its
# closing line; the other tests write "SKIPPED: " before them.
skip_reason() {
  awk -v test="$2" '
    /^[0-9]+\/[0-9]+ Test: / { sub(/^[^:]*: /, ""); inside = $0 == test; next }
    !inside { next }
    sub(/^SKIPPED: /, "") { print; exit }
    /^\[  SKIPPED \]/ { exit }
    reading { print }
    /: Skipped$/ { reading = 1 }
  ' "$root/build/$1/Testing/Temporary/LastTest.log" | paste -s -d ' '
}

# Remembers what ctest has skipped; ctest itself tells only the names.
note_skipped() {
  local preset=$1 name reason
  while IFS= read -r name; do
    reason=$(skip_reason "$preset" "$name")
    skipped+=("$preset|$name|${reason:-it does not say why}")
  done < <(sed -n 's/^\t *[0-9]* - \(.*\) (Skipped)$/\1/p' "$root/build/$preset/test.log")
}

run_preset() {
  local preset=$1 log=$root/build/$1/test.log status=0
  local left_out='^(servers|docker|user)$'
  if [ -n "$full" ] && [ "$preset" = release ] && [ "$(id -u)" -eq 0 ]; then
    left_out='^$'
  elif [ -n "$full" ]; then
    left_out='^user$'
  fi
  calmly "$preset" ctest --preset "$preset" --label-exclude "$left_out" "${ctest_arguments[@]}" </dev/null 2>&1 |
    tee "$log" | show_failures || status=1
  remark=$(sed -n 's/^\([0-9]*\)% tests passed, \([0-9]*\) tests failed out of \([0-9]*\)$/\3 tests, \2 failed/p' "$log")
  local known=${#skipped[@]}
  note_skipped "$preset"
  if ((${#skipped[@]} > known)); then remark+=", $((${#skipped[@]} - known)) skipped"; fi
  if [ -z "$closing_is_failure" ]; then
    closing_preset=$preset
    if [ "$status" -ne 0 ]; then closing_is_failure=1; fi
  fi
  return "$status"
}

test_preset() {
  if phase "$1: build" build_preset "$1"; then
    phase "$1: tests" run_preset "$1" || true
  else
    phases+=("$1: tests|not run|0|the build failed")
  fi
}

# The fuzz targets of tests/fuzz, by name.
fuzz_targets() { find tests/fuzz -name '*_fuzz.cc' -printf '%f\n' | sed 's/_fuzz\.cc$//' | sort; }

build_fuzz_targets() {
  local log=$root/build/fuzz/build.log names
  mkdir -p "${log%/*}"
  : >"$log"
  mapfile -t names < <(fuzz_targets | sed 's/^/fuzz_/')
  configure fuzz "$log" -DWEIR_TESTS=ON || return 1
  build fuzz "$log" "${names[@]}"
}

# Each target for half a minute from its corpus. What it finds worth keeping goes to a folder that is removed again; an
# input that fails stays in build/fuzz, and its name is in the log.
run_fuzz_targets() {
  local name log found status=0 dictionary
  for name in $(fuzz_targets); do
    log=$root/build/fuzz/$name.log
    found=$(mktemp -d)
    dictionary=
    if [ -e "tests/fuzz/$name.dict" ]; then dictionary=tests/fuzz/$name.dict; fi
    calmly fuzz "build/fuzz/tests/fuzz/fuzz_$name" -max_total_time=30 -max_len=4096 -timeout=20 \
      "-artifact_prefix=$root/build/fuzz/$name-" ${dictionary:+"-dict=$dictionary"} "$found" \
      "tests/fuzz/corpus/$name" >"$log" 2>&1 </dev/null || {
      status=1
      tail -n 40 "$log" >&2
      complain "fuzz target $name failed (all of it: $log)"
    }
    rm -rf "$found"
    remark+="${remark:+, }$name: $(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$log" | grep . || echo '?') inputs"
  done
  return "$status"
}

fuzz() {
  if phase "fuzz: build" build_fuzz_targets; then
    phase "fuzz" run_fuzz_targets || true
  else
    phases+=("fuzz|not run|0|the build failed")
  fi
}

sources() { find src tests bench -name '*.cc' -o -name '*.h'; }

check_format() { sources | xargs clang-format --dry-run -Werror; }

# One file a process, as many at once as there are processors; each reports in one piece.
check_tidy() {
  # shellcheck disable=SC2016  # $1 and $found are the inner shell's
  find src -name '*.cc' -print0 | sort -z | xargs -0 -n 1 -P "$jobs" bash -c '
    found=$(clang-tidy --quiet -p build/release "$1" 2>&1) || { printf "%s\n" "$found"; exit 1; }' _
}

check_scripts() {
  find . -path ./build -prune -o \( -name '*.sh' -o -path ./.ci/run -o -path './debian/weir.p*' -o -path './debian/libexec/*' \) \
    -type f -print0 | xargs -0 shellcheck
}

check_sources() {
  phase "clang-format" check_format || true
  phase "shellcheck" check_scripts || true
  # clang-tidy reads how each file is compiled from the release build's folder.
  phase "clang-tidy" check_tidy || true
}

summarise() {
  local entry name outcome seconds note preset
  say "== summary, $((SECONDS / 60)) min $((SECONDS % 60)) s in all"
  for entry in "${phases[@]}"; do
    IFS='|' read -r name outcome seconds note <<<"$entry"
    printf '   %-16s %-8s %5s s   %s\n' "$name" "$outcome" "$seconds" "$note"
  done
  for entry in "${skipped[@]}"; do
    IFS='|' read -r preset name note <<<"$entry"
    say "   Skipped in $preset: $name: $note"
  done
  if [ ${#ctest_arguments[@]} -gt 0 ]; then say "   ctest was given: ${ctest_arguments[*]}"; fi
  if [ -z "$full" ]; then
    say "   Left out: the tests labelled \"servers\" (other servers beside and behind Weir), \"docker\" (the topologies of"
    say "   docker/) and \"user\" (Weir started as root changes to another user), ThreadSanitizer, fuzzing (the corpus was"
    say "   replayed), clang-tidy, clang-format, shellcheck. ./test.sh --full runs these too."
  elif [ "$(id -u)" -ne 0 ]; then
    say "   Left out: the tests labelled \"user\" (Weir started as root changes to another user), since this is not root."
  elif [ ${#ctest_arguments[@]} -eq 0 ] && [ ${#skipped[@]} -eq 0 ]; then
    say "   Nothing was left out."
  fi
}

finish() {
  summarise
  if [ -n "$closing_preset" ]; then
    say "== ctest's closing lines, preset $closing_preset"
    closing_lines "$closing_preset"
  fi
  [ -n "$failed" ] || exit 0
  # When the failure is not one of tests, ctest's lines do not tell of it.
  if [ -z "$closing_is_failure" ]; then complain "failed; the summary above says where"; fi
  exit 1
}

read_arguments "$@"
scripts/packages.sh "$([ -n "$full" ] && echo full || echo test)"
test_preset release
test_preset asan
if [ -n "$full" ]; then
  test_preset tsan
  fuzz
  check_sources
fi
finish
