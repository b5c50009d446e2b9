#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace weir::base {

void assertion_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "weir: assertion failed: %s (%s:%d). This is a bug in Weir; please report it.\n",
               expression, file, line);
  std::abort();
}

}  // namespace weir::base
