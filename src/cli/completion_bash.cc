#include "cli/completion.h"
#include "cli/completion_tables.h"

namespace weir::cli {
namespace {

constexpr const char* kStart =
    "# Completions of weir for bash, made by `weir describe bash`.\n# shellcheck shell=bash\n\n";

// readline cuts words at the signs in COMP_WORDBREAKS, a colon and an equals sign among them, and replaces
// only what is behind the last one; so the line is read anew, by its spaces.
constexpr const char* kEnd = R"(
_weir() {
  local line=${COMP_LINE:0:COMP_POINT} current='' option='' wish first entry cut quoted
  local words=() commands options takes arguments door found=()
  read -ra words <<<"$line"
  if [[ $line != *[[:space:]] && ${#words[@]} -gt 0 ]]; then
    current=${words[-1]}
    unset 'words[-1]'
  fi
  if [[ $current == --*=* ]]; then
    option=${current%%=*} current=${current#*=}
  fi
  __weir_walk "${words[@]:1}" ${option:+"$option"}
  COMPREPLY=()
  cut=''
  if [[ $current == *:* && ${COMP_WORDBREAKS-} == *:* ]]; then cut=${current%"${current##*:}"}; fi
  for entry in "${commands[@]}"; do found+=("${entry%%:*}"); done
  if [[ $current == -* ]]; then
    for entry in "${options[@]}"; do found+=("${entry%%:*}"); done
  fi
  case $wish in
    FILE)
      if [[ $current != -* ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
      fi
      ;;
    words:*) for entry in ${wish#words:}; do found+=("$entry"); done ;;
    ?*)
      # What is typed may be quoted already.
      while IFS= read -r entry; do
        printf -v quoted %q "$entry"
        if [[ $entry == "$current"* || $quoted == "$current"* ]]; then
          COMPREPLY+=("${quoted#"$cut"}")
        fi
      done < <(__weir_names "$wish")
      ;;
  esac
  for entry in "${found[@]}"; do
    if [[ $entry == "$current"* ]]; then COMPREPLY+=("${entry#"$cut"}"); fi
  done
}

complete -F _weir weir
)";

}  // namespace

std::string bash_completion(const CommandFacts& weir) { return kStart + completion_tables(weir) + kEnd; }

}  // namespace weir::cli
