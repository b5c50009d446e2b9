// Puts the tree of an included file into that of the file that includes it. Sections such as [process] and
// [listeners] may be spread over files; a key in them, and a named table such as [listeners.web], may stand
// in one file only. Pure.
#pragma once

#include "config/node.h"
#include "config/problem.h"

namespace weir::config {

// Moves every entry of `from` into `root`; what is in both is an error at its place in `from` that names the
// other place, and `root` keeps its own. `include` is not taken over.
void merge(Node& root, Node from, Problems& problems);

}  // namespace weir::config
