// An error that a person will read: whose side it was, what happened, and the context added on the way up.
// Not used on the data path, where small enums say the same without strings.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace weir::base {

// Whose side an error came from: it decides where the operator should look first.
enum class ErrorSide { kClient, kBackend, kConfiguration, kSystem };

class Error {
 public:
  Error(ErrorSide side, std::string what) : side_(side), what_(std::move(what)) {}

  ErrorSide side() const { return side_; }

  // The whole message, outermost context first: "listener web: bind 127.0.0.1:80: Permission denied".
  const std::string& message() const { return what_; }

  // Puts `context` in front of the message; returns the error so that it can be passed on in one expression.
  Error with_context(std::string_view context) &&;

 private:
  ErrorSide side_;
  std::string what_;
};

// The one place where errno becomes an `Error`: "<what>: <text of errno>", side `kSystem`.
Error system_error(std::string_view what, int error_number);

}  // namespace weir::base
