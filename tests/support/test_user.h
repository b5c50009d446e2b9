// The user that Weir changes to in this run of the tests, from WEIR_TEST_USER: ctest runs the process tests a
// second time with it (label "user"), since everything must work as well for a Weir that was started as root
// with `user` set. Files and folders of the tests then belong to that user.
#pragma once

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace weir::test {

// Nothing when the variable is not set.
inline const passwd* test_user() {
  static const passwd* const user = []() -> const passwd* {
    const char* name = std::getenv("WEIR_TEST_USER");
    if (name == nullptr) return nullptr;
    const passwd* found = ::getpwnam(name);
    if (found == nullptr) throw std::runtime_error("WEIR_TEST_USER names nobody: " + std::string(name));
    return found;
  }();
  return user;
}

inline void give_to_test_user(const std::string& path) {
  const passwd* user = test_user();
  if (user != nullptr && ::chown(path.c_str(), user->pw_uid, user->pw_gid) != 0) {
    throw std::runtime_error("chown " + path + " failed: WEIR_TEST_USER needs root");
  }
}

}  // namespace weir::test
