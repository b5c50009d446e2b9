#include "cli/completion_tables.h"

namespace weir::cli {
namespace {

constexpr const char* kWalk = R"(
__weir_walk() {
  local word entry known named='' at=weir given=0
  wish='' first='' door=()
  __weir_at "$at"
  for word in "$@"; do
    if [[ -n $wish ]]; then
      case $named in --admin | --config | --token-file) door+=("$named" "$word") ;; esac
      wish=''
      continue
    fi
    named=$word
    case $word in
      --admin=* | --config=* | --token-file=*) door+=("$word") ;;
      -*)
        for entry in "${takes[@]}"; do
          if [[ ${entry%%=*} == "$word" ]]; then wish=${entry#*=}; fi
        done
        ;;
      *)
        known=''
        for entry in "${commands[@]}"; do
          if [[ ${entry%%:*} == "$word" ]]; then known=1; fi
        done
        if [[ -n $known ]]; then
          at="$at $word" given=0
          __weir_at "$at"
        else
          if ((given == 0)); then first=$word; fi
          given=$((given + 1))
        fi
        ;;
    esac
  done
  if [[ -n $wish ]]; then
    commands=() options=()
    return
  fi
  for entry in "${arguments[@]}"; do
    if ((given == 0)); then wish=$entry; fi
    given=$((given - 1))
  done
}

__weir_names() {
  case $1 in
    POOL) timeout 2 weir ctl names pools "${door[@]}" 2>/dev/null ;;
    LISTENER) timeout 2 weir ctl names listeners "${door[@]}" 2>/dev/null ;;
    BACKEND) timeout 2 weir ctl names backends ${first:+"$first"} "${door[@]}" 2>/dev/null ;;
  esac
}
)";

// "(name:help name:help)", each quoted.
class List {
 public:
  void add(const std::string& text) { text_ += (text_.empty() ? "" : " ") + quoted(text); }
  std::string text() const { return "(" + text_ + ")"; }

 private:
  std::string text_;
};

void append_case(std::string& out, const CommandFacts& command,
                 const std::vector<const OptionFacts*>& parents) {
  const std::vector<const OptionFacts*> all = options_after(command, parents);
  List commands;
  List options;
  List takes;
  List arguments;
  for (const CommandFacts& below : command.commands) commands.add(name_of(below) + ":" + below.help);
  for (const OptionFacts* option : all) {
    if (option->is_positional) {
      arguments.add(wish_of(*option));
      continue;
    }
    for (const std::string& name : option->names) {
      options.add(name + ":" + option->help);
      if (!option->takes.empty()) takes.add(name + "=" + wish_of(*option));
    }
  }
  out += "    " + quoted(command.path) + ")\n      commands=" + commands.text() +
         "\n      options=" + options.text() + "\n      takes=" + takes.text() +
         "\n      arguments=" + arguments.text() + "\n      ;;\n";
  for (const CommandFacts& below : command.commands) append_case(out, below, all);
}

}  // namespace

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string wish_of(const OptionFacts& option) {
  if (option.words.empty()) return kind_of(option);
  std::string out = "words:";
  for (const std::string& word : option.words) out += " " + word;
  return out;
}

std::vector<const OptionFacts*> options_after(const CommandFacts& command,
                                              const std::vector<const OptionFacts*>& parents) {
  std::vector<const OptionFacts*> all;
  for (const OptionFacts& option : command.options) all.push_back(&option);
  if (!command.takes_parents_options) return all;
  for (const OptionFacts* option : parents) {
    // Each command has its own --help; --version is the program's.
    const std::string& name = option->names.back();
    if (!option->is_positional && name != "--help" && name != "--version") all.push_back(option);
  }
  return all;
}

std::string completion_tables(const CommandFacts& weir) {
  std::string out = "__weir_at() {\n  case $1 in\n";
  append_case(out, weir, {});
  return out + "  esac\n}\n" + kWalk;
}

}  // namespace weir::cli
