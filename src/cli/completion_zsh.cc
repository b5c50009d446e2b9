#include "cli/completion.h"
#include "cli/completion_tables.h"

namespace weir::cli {
namespace {

constexpr const char* kStart =
    "#compdef weir\n# Completions of weir for zsh, made by `weir describe zsh`.\n\n";

constexpr const char* kEnd = R"zsh(
_weir() {
  local wish first entry option=''
  local -a commands options takes arguments names door
  if [[ $PREFIX == --*=* ]]; then
    option=${PREFIX%%=*}
    compset -P '*='
  fi
  __weir_walk "${(@)words[2,CURRENT-1]}" ${option:+"$option"}
  if (( $#commands )); then _describe -t commands command commands; fi
  if [[ $PREFIX == -* ]] && (( $#options )); then _describe -o -t options option options; fi
  case $wish in
    FILE) _files ;;
    words:*)
      names=(${=wish#words:})
      compadd -a names
      ;;
    ?*)
      names=(${(f)"$(__weir_names "$wish")"})
      compadd -a names
      ;;
  esac
}

if [[ $funcstack[1] == _weir ]]; then _weir "$@"; else compdef _weir weir; fi
)zsh";

}  // namespace

std::string zsh_completion(const CommandFacts& weir) { return kStart + completion_tables(weir) + kEnd; }

}  // namespace weir::cli
