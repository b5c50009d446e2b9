// The manual page weir(8), in the language of man(7): the commands as the command line describes them, and
// around them what no command says alone. Pure text.
#pragma once

#include <string>

#include "cli/command_facts.h"

namespace weir::cli {

std::string man_page(const CommandFacts& weir);

}  // namespace weir::cli
