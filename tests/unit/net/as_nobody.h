// What a process may do that was started as root and has become another user. For tests that root runs.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>

#include "base/unique_fd.h"
#include "net/privileges.h"

namespace weir::test {

constexpr const char* kOnlyRoot = "NOT CHECKED: only root can give up its rights";

// Runs `work` in a child that has become a user with no right but those of `kept`. Fails the test when it
// says anything, or when an expectation of its own failed.
inline void as_nobody(net::KeptRights kept, const std::function<std::string()>& work) {
  int fds[2];
  ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);
  const base::UniqueFd reading(fds[0]);
  base::UniqueFd writing(fds[1]);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::string words;
    const auto nobody = net::find_user("nobody");
    if (!nobody || !net::become(*nobody, kept)) words = "could not become nobody";
    if (words.empty()) words = work();
    if (words.empty() && testing::Test::HasFailure()) words = "an expectation failed";
    if (::write(writing.get(), words.data(), words.size()) < 0) ::_exit(2);
    ::_exit(words.empty() ? 0 : 1);
  }
  writing.reset();
  std::string words(4096, '\0');
  const ssize_t n = ::read(reading.get(), words.data(), words.size());
  words.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << words;
}

}  // namespace weir::test
