// A directory of its own for a test, removed with all that is in it. Everybody may search it, so that a Weir
// which changed its user can reach what lies in it.
#pragma once

#include <string>
#include <string_view>

namespace weir::test {

class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }

  // Writes a file here and returns its path.
  // The same, but a file that is there is replaced at once, as editors and careful scripts do.
  std::string replace(std::string_view name, std::string_view text) const;
  std::string write(std::string_view name, std::string_view text) const;

 private:
  std::string path_;
};

}  // namespace weir::test
