// Everything that a configuration is made of as one tree: the named file and those that its `include` brings
// in, each read, expanded and merged. Included files cannot include others, so there are no loops. Touches
// the disk through `source`, and the environment that is given.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "config/node.h"
#include "config/problem.h"

namespace weir::config {

struct Tree {
  Node root;
  std::vector<std::string> files;  // in the order of reading, the named one first
  bool is_whole = true;            // false: a file is missing from it, so whole-file checks would mislead
};

// The tree of `text`, which came from `file`, with its includes. Every problem is added.
Tree build_tree(std::string_view text, const std::string& file, const Environment& environment,
                Problems& problems);

}  // namespace weir::config
