// Bytes to send for as long as one likes, and to know again wherever one looks.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "support/backend.h"

namespace weir::test {

// A stream without end whose period is a prime, so that no piece fits where another belongs.
class EndlessStream {
 public:
  // The bytes from `offset` on: at least one, at most `most`.
  std::string_view at(std::size_t offset, std::size_t most) const {
    const std::size_t start = offset % block_.size();
    return std::string_view(block_).substr(start, most);
  }

  // The same, exactly `size`.
  std::string text(std::size_t offset, std::size_t size) const {
    std::string bytes;
    while (bytes.size() < size) bytes += at(offset + bytes.size(), size - bytes.size());
    return bytes;
  }

  // Whether `bytes` are the ones from `offset` on.
  bool matches(std::size_t offset, std::string_view bytes) const {
    while (!bytes.empty()) {
      const std::string_view expected = at(offset, bytes.size());
      if (bytes.substr(0, expected.size()) != expected) return false;
      offset += expected.size();
      bytes.remove_prefix(expected.size());
    }
    return true;
  }

 private:
  const std::string block_ = pattern(1'048'573);
};

}  // namespace weir::test
