#include "base/version.h"

namespace weir::base {

std::string_view version() { return WEIR_VERSION; }

}  // namespace weir::base
