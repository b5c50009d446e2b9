// A client that meets silence: a connect that has begun, and that the kernel tries again and again.
#pragma once

#include <string>

#include "base/address.h"
#include "base/unique_fd.h"

namespace weir::test {

class Unanswered {
 public:
  // Begins to connect from `source`, of the family of `target`. Fails the test when that cannot be.
  Unanswered(const std::string& source, const base::Address& target);

  // Whether neither an answer nor an error has come so far.
  bool still_waits() const;

 private:
  base::UniqueFd fd_;
};

}  // namespace weir::test
