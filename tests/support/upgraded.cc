#include "support/upgraded.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>

namespace weir::test {

std::set<pid_t> children() {
  std::set<pid_t> all;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "children");
    for (pid_t pid = 0; file >> pid;) all.insert(pid);
  }
  return all;
}

Upgraded::~Upgraded() {
  const std::set<pid_t> left = successors_;
  for (const pid_t successor : left) {
    std::optional<Exit> exit;
    // The first drains, the next cuts.
    const bool has_ended = eventually([&] {
      ::kill(successor, SIGTERM);
      exit = wait(successor, Millis(50));
      return exit.has_value();
    });
    EXPECT_TRUE(has_ended) << "process " << successor << " did not stop";
    if (!has_ended) {
      ::kill(successor, SIGKILL);
      wait(successor);
    }
    if (!exit) continue;
    const bool is_well = exit->status && (*exit->status == kClean || *exit->status == kForced);
    EXPECT_TRUE(is_well) << exit->to_string() << "\n" << weir_.child().output();
  }
}

void Upgraded::write(const std::string& toml) const { std::ofstream(weir_.config_path()) << toml; }

std::vector<LogLine> Upgraded::told(const std::string& part) const {
  std::vector<LogLine> found;
  for (LogLine& line : weir_.events("upgrade")) {
    if (line.text("msg").find(part) != std::string::npos) found.push_back(std::move(line));
  }
  return found;
}

pid_t Upgraded::well() {
  const std::string part = "has taken over";
  const std::size_t before = told(part).size();
  signal(SIGUSR2);
  if (!eventually([&] { return told(part).size() > before; })) {
    throw std::runtime_error("no upgrade:\n" + weir_.child().output());
  }
  return follow(told(part)[before]);
}

pid_t Upgraded::follow(const LogLine& taken_over) {
  EXPECT_EQ(taken_over.number("before"), static_cast<std::uint64_t>(current_));
  current_ = static_cast<pid_t>(taken_over.number("pid"));
  successors_.insert(current_);
  return current_;
}

LogLine Upgraded::badly() {
  const std::string part = "this process goes on";
  const std::size_t before = told(part).size();
  signal(SIGUSR2);
  if (!eventually([&] { return told(part).size() > before; })) {
    throw std::runtime_error("no word of the upgrade:\n" + weir_.child().output());
  }
  expect_failed_to_end();
  return told(part)[before];
}

void Upgraded::expect_failed_to_end() {
  for (const pid_t child : children()) {
    if (child == weir_.pid() || successors_.contains(child)) continue;
    EXPECT_TRUE(wait(child).has_value()) << "process " << child << " goes on";
  }
}

pid_t Upgraded::next_child() {
  pid_t found = 0;
  EXPECT_TRUE(eventually([&] {
    for (const pid_t child : children()) {
      if (child == weir_.pid() || successors_.contains(child)) continue;
      found = child;
    }
    return found != 0;
  }));
  if (found != 0) successors_.insert(found);
  return found;
}

std::optional<Exit> Upgraded::wait(pid_t successor, Millis patience) {
  int status = 0;
  if (!eventually([&] { return ::waitpid(successor, &status, WNOHANG) == successor; }, patience)) {
    return std::nullopt;
  }
  successors_.erase(successor);
  Exit exit;
  if (WIFEXITED(status)) {
    exit.status = WEXITSTATUS(status);
  } else {
    exit.signal = WTERMSIG(status);
  }
  return exit;
}

}  // namespace weir::test
