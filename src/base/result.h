// `Result<T>`: a value or an `Error`, for what the world may do to us (files, sockets, names, text).
#pragma once

#include <tl/expected.hpp>
#include <utility>

#include "base/error.h"

namespace weir::base {

// A class and not an alias, so that a result which nobody looks at is a warning.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

// Makes the failed side of a `Result`.
inline tl::unexpected<Error> failure(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace weir::base
