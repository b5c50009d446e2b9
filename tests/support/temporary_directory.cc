#include "support/temporary_directory.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "support/test_user.h"

namespace weir::test {

TemporaryDirectory::TemporaryDirectory() {
  // Short on purpose: the paths of unix sockets have little room.
  std::string name = "/tmp/weir-test-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  path_ = name;
  ::chmod(path_.c_str(), 0755);
  give_to_test_user(path_);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::write(std::string_view name, std::string_view text) const {
  const std::string path = file(name);
  std::ofstream out(path, std::ios::binary);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
  give_to_test_user(path);
  return path;
}

std::string TemporaryDirectory::replace(std::string_view name, std::string_view text) const {
  const std::string fresh = write(std::string(name) + ".new", text);
  const std::string path = file(name);
  std::filesystem::rename(fresh, path);
  return path;
}

}  // namespace weir::test
