#include "cli/command_facts.h"

#include <CLI/CLI.hpp>
#include <sstream>

namespace weir::cli {
namespace {

// CLI11 writes them "{reference,schema}".
std::vector<std::string> words_of(const std::string& type) {
  const std::size_t open = type.find('{');
  const std::size_t close = type.find('}');
  std::vector<std::string> words;
  if (open == std::string::npos || close == std::string::npos) return words;
  std::istringstream text(type.substr(open + 1, close - open - 1));
  for (std::string word; std::getline(text, word, ',');) words.push_back(word);
  return words;
}

OptionFacts option_facts(const CLI::Option& option) {
  OptionFacts facts;
  facts.is_positional = option.get_positional();
  facts.is_required = option.get_required();
  facts.help = option.get_description();
  if (facts.is_positional) {
    facts.names = {option.get_name(true)};
  } else {
    for (const std::string& name : option.get_snames()) facts.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) facts.names.push_back("--" + name);
  }
  if (option.get_items_expected_max() > 0) {
    const std::string type = option.get_type_name();
    facts.takes = type.substr(0, type.find(':'));
    facts.words = words_of(type);
  }
  return facts;
}

CommandFacts facts_below(const CLI::App& app, const std::string& parents, const std::string& parents_footer) {
  CommandFacts facts;
  facts.path = parents + app.get_name();
  facts.help = app.get_description();
  facts.takes_parents_options = app.get_fallthrough();
  const std::string footer = app.get_footer();
  if (footer != parents_footer) facts.footer = footer;
  for (const CLI::Option* option : app.get_options()) facts.options.push_back(option_facts(*option));
  // An empty filter means the commands that were parsed.
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    facts.commands.push_back(facts_below(*command, facts.path + " ", footer));
  }
  return facts;
}

}  // namespace

CommandFacts facts_of(const CLI::App& app) { return facts_below(app, "", ""); }

std::string name_of(const CommandFacts& command) {
  const std::size_t space = command.path.rfind(' ');
  return space == std::string::npos ? command.path : command.path.substr(space + 1);
}

std::string kind_of(const OptionFacts& option) {
  return option.is_positional && option.takes == "TEXT" ? option.names.front() : option.takes;
}

}  // namespace weir::cli
