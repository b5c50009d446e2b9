// Assertions for our own mistakes, on in every build. Never used on what a peer, a file or the kernel may do:
// those are outcomes or `Result` errors. A failed assertion prints where and what, and aborts.
#pragma once

namespace weir::base {

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace weir::base

#define WEIR_ASSERT(expression) \
  ((expression) ? static_cast<void>(0) : ::weir::base::assertion_failed(#expression, __FILE__, __LINE__))
