// `Result<T>`: a value or an `Error`, for what the world may do to us (files, sockets, names, text).
#pragma once

#include <tl/expected.hpp>
#include <utility>

#include "base/error.h"

namespace weir::base {

template <class T>
using Result = tl::expected<T, Error>;

// Makes the failed side of a `Result`.
inline tl::unexpected<Error> failure(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace weir::base
