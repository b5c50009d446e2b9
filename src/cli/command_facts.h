// The commands of the command line as plain data, read off CLI11's description of them: what the manual page
// and the shells' completions are made of, so that none can name a command or an option that is not there.
// Pure.
#pragma once

#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's
class App;
}

namespace weir::cli {

struct OptionFacts {
  // "-h", "--help"; of an argument without a dash the one in its usage, "CONFIG".
  std::vector<std::string> names;
  bool is_positional = false;
  bool is_required = false;
  std::string takes;               // "FILE", "TEXT"; empty: a flag
  std::vector<std::string> words;  // the only ones that it takes; empty: anything
  std::string help;
};

struct CommandFacts {
  std::string path;    // "weir ctl backend"
  std::string help;    // one line
  std::string footer;  // paragraphs, and lines that begin with two spaces as they are; empty: its parent's
  std::vector<OptionFacts> options;
  std::vector<CommandFacts> commands;
  // Its parent's options may follow it, too.
  bool takes_parents_options = false;
};

CommandFacts facts_of(const CLI::App& app);

// The last word of the path.
std::string name_of(const CommandFacts& command);

// What an argument is, for who completes it: "FILE", "POOL", "TEXT".
std::string kind_of(const OptionFacts& option);

}  // namespace weir::cli
