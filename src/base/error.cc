#include "base/error.h"

#include <system_error>

namespace weir::base {

Error Error::with_context(std::string_view context) && {
  what_ = std::string(context) + ": " + what_;
  return std::move(*this);
}

Error system_error(std::string_view what, int error_number) {
  return {ErrorSide::kSystem, std::string(what) + ": " + std::generic_category().message(error_number)};
}

}  // namespace weir::base
