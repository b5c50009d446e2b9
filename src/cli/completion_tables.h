// What bash and zsh have in common of their completions: what each command has, and how the words before the
// cursor are read. Pure text. In it a command line is walked word by word, by the same rules as CLI11 reads
// it.
#pragma once

#include <string>

#include "cli/command_facts.h"

namespace weir::cli {

// Between single quotes, for a shell.
std::string quoted(const std::string& text);

// What is expected in an argument's place: "words: a b", or the kind of it, "FILE".
std::string wish_of(const OptionFacts& option);

// The options that may follow a command: its own, and its parents' where they fall through.
std::vector<const OptionFacts*> options_after(const CommandFacts& command,
                                              const std::vector<const OptionFacts*>& parents);

// Functions for bash and zsh:
//   __weir_at PATH      sets commands, options ("NAME:HELP" each), takes ("OPTION=WISH") and arguments (WISH)
//   __weir_walk WORD... sets what __weir_at does for where the words lead, `wish`, what is expected there,
//   and `first`,
//                       the first argument
//   __weir_names WISH   prints the names that the running Weir has, one a line
std::string completion_tables(const CommandFacts& weir);

}  // namespace weir::cli
