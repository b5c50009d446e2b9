// Completions of the command line for three shells: commands, options, their words, files, and the names of
// pools, backends and listeners that the running Weir has. Pure text, made from what the command line says of
// itself.
#pragma once

#include <string>

#include "cli/command_facts.h"

namespace weir::cli {

// For bash-completion's folder, as "weir"; it may be sourced, too.
std::string bash_completion(const CommandFacts& weir);
// For a folder of zsh's fpath, as "_weir".
std::string zsh_completion(const CommandFacts& weir);
// For fish's folder of completions, as "weir.fish".
std::string fish_completion(const CommandFacts& weir);

}  // namespace weir::cli
