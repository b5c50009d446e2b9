#include "cli/completion.h"
#include "cli/completion_tables.h"

namespace weir::cli {
namespace {

constexpr const char* kStart = R"(# Completions of weir for fish, made by `weir describe fish`.

# __weir_is PATH [COUNT]: the words before the cursor lead to the command PATH, and COUNT arguments follow it.
function __weir_is
    set -l at weir
    set -l given 0
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if contains -- "$at $word" $__weir_commands
            set at "$at $word"
            set given 0
        else if contains -- $word $__weir_takes
            set skip 1
        else if not string match -q -- '-*' $word
            set given (math $given + 1)
        end
    end
    test "$at" = "$argv[1]"; and begin
        test (count $argv) = 1; or test $given = $argv[2]
    end
end

# What the line says of the door.
function __weir_door
    set -l named
    for word in (commandline -opc)
        if set -q named[1]
            printf '%s\n' $named $word
            set named
        else if contains -- $word --admin --config --token-file
            set named $word
        else if string match -qr -- '^--(admin|config|token-file)=' $word
            printf '%s\n' $word
        end
    end
end

# The names that the running Weir has; of backends those of the pool in the line.
function __weir_names
    set -l door (__weir_door)
    set -l pool
    if test $argv[1] = backends
        for name in (timeout 2 weir ctl names pools $door 2>/dev/null)
            contains -- $name (commandline -opc); and set pool $name
        end
    end
    timeout 2 weir ctl names $argv[1] $pool $door 2>/dev/null
end

complete -c weir -f
)";

// Quotes of fish: a backslash begins an escape in them.
std::string fish_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

// What completes an argument's value: files, words, names.
std::string values_of(const OptionFacts& option) {
  if (!option.words.empty()) {
    std::string words;
    for (const std::string& word : option.words) words += (words.empty() ? "" : " ") + word;
    return " -a " + fish_quoted(words);
  }
  const std::string kind = kind_of(option);
  if (kind == "FILE") return " -F";
  if (kind == "POOL") return " -a '(__weir_names pools)'";
  if (kind == "LISTENER") return " -a '(__weir_names listeners)'";
  if (kind == "BACKEND") return " -a '(__weir_names backends)'";
  return "";
}

std::string option_line(const OptionFacts& option, const std::string& condition) {
  std::string out = "complete -c weir -n " + condition;
  for (const std::string& name : option.names) {
    out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (!option.takes.empty()) out += (kind_of(option) == "FILE" ? " -r" : " -x") + values_of(option);
  return out + " -d " + fish_quoted(option.help) + "\n";
}

void append_lists(std::string& commands, std::string& takes, const CommandFacts& command) {
  for (const OptionFacts& option : command.options) {
    if (option.is_positional || option.takes.empty()) continue;
    for (const std::string& name : option.names) takes += " " + name;
  }
  for (const CommandFacts& below : command.commands) {
    commands += " " + fish_quoted(below.path);
    append_lists(commands, takes, below);
  }
}

void append_lines(std::string& out, const CommandFacts& command,
                  const std::vector<const OptionFacts*>& parents) {
  const std::vector<const OptionFacts*> all = options_after(command, parents);
  const std::string is_here = fish_quoted("__weir_is " + fish_quoted(command.path));
  int position = 0;
  for (const OptionFacts* option : all) {
    if (!option->is_positional) {
      out += option_line(*option, is_here);
      continue;
    }
    const std::string values = values_of(*option);
    const std::string condition = "__weir_is " + fish_quoted(command.path) + " " + std::to_string(position++);
    if (!values.empty()) out += "complete -c weir -n " + fish_quoted(condition) + values + "\n";
  }
  for (const CommandFacts& below : command.commands) {
    out +=
        "complete -c weir -n " + is_here + " -a " + name_of(below) + " -d " + fish_quoted(below.help) + "\n";
  }
  for (const CommandFacts& below : command.commands) append_lines(out, below, all);
}

}  // namespace

std::string fish_completion(const CommandFacts& weir) {
  std::string commands;
  std::string takes;
  append_lists(commands, takes, weir);
  std::string out =
      std::string(kStart) + "set -g __weir_commands" + commands + "\nset -g __weir_takes" + takes + "\n";
  append_lines(out, weir, {});
  return out;
}

}  // namespace weir::cli
