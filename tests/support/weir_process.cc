#include "support/weir_process.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <sstream>
#include <stdexcept>

#include "support/test_user.h"

namespace weir::test {
namespace {

constexpr const char* kWeir = WEIR_BINARY;
const std::string kSuppressions = WEIR_TEST_SUPPORT_DIR "/tsan.supp";
constexpr int kSanitizerExit = 99;

bool is_a_report(const std::string& line) {
  for (const char* word : {"Sanitizer", "runtime error:", "assertion", "terminate called"}) {
    if (line.find(word) != std::string::npos) return true;
  }
  return false;
}

// Fails the test when the process ended in a way that no input may bring about.
void expect_sound(const std::optional<Exit>& exit, const ChildProcess& child) {
  std::string report;
  for (const std::string& line : child.lines()) {
    if (!report.empty() || is_a_report(line)) report += line + "\n";
  }
  EXPECT_EQ(report, "") << "Weir printed a report";
  if (!exit) return;
  EXPECT_TRUE(exit->status.has_value()) << "Weir died: " << exit->to_string() << "\n" << child.output();
  if (exit->status) {
    EXPECT_NE(*exit->status, kSanitizerExit) << child.output();
  }
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

// `leaks` is an option of the address sanitizer, or nothing.
ChildOptions options_with(const std::string& leaks) {
  const std::string status = "exitcode=" + std::to_string(kSanitizerExit);
  ChildOptions options;
  options.environment = {{"ASAN_OPTIONS", status + ":detect_stack_use_after_return=1" + leaks},
                         {"LSAN_OPTIONS", status},
                         {"UBSAN_OPTIONS", "print_stacktrace=1"},
                         {"TSAN_OPTIONS", status + ":halt_on_error=1:suppressions=" + kSuppressions}};
  return options;
}

}  // namespace

ChildOptions weir_options() {
  if (test_user() != nullptr) return weir_options_for_user();
  return options_with("");
}

// The leak checker attaches to its process, which a process that changed its user does not allow.
ChildOptions weir_options_for_user() { return options_with(":detect_leaks=0"); }

WeirRun run_weir(const std::vector<std::string>& arguments, const ChildOptions& options) {
  std::vector<std::string> words{kWeir};
  words.insert(words.end(), arguments.begin(), arguments.end());
  ChildProcess child(words, options);
  const auto exit = child.wait();
  EXPECT_TRUE(exit.has_value()) << "weir did not end:\n" << child.output();
  expect_sound(exit, child);
  return {exit.value_or(Exit{}), child.output()};
}

WeirRun run_weir_on(const std::string& toml, const ChildOptions& options) {
  const TemporaryDirectory directory;
  return run_weir({"run", directory.write("weir.toml", toml)}, options);
}

WeirProcess::WeirProcess(const std::string& toml, const ChildOptions& options)
    : config_path_(directory_.write("weir.toml", toml)) {
  start(options);
}

WeirProcess::WeirProcess(const File& file, const ChildOptions& options)
    : config_path_(file.path), program_(file.program) {
  start(options);
}

void WeirProcess::start(const ChildOptions& options) {
  const std::string program = program_.empty() ? kWeir : program_;
  child_ = std::make_unique<ChildProcess>(std::vector<std::string>{program, "run", config_path_}, options);
  const auto is_ready = [](const std::string& text) {
    const auto line = parse_log_line(text);
    return line && line->event == "ready";
  };
  const auto line = child_->wait_for_line(is_ready);
  if (!line) throw std::runtime_error("weir did not start:\n" + child_->output());
  ready_ = *parse_log_line(*line);
  for (const std::string& listener : split(ready_.text("listeners"), ' ')) {
    const std::size_t equals = listener.find('=');
    for (const std::string& address : split(listener.substr(equals + 1), ',')) {
      addresses_[listener.substr(0, equals)].push_back(address_of(address));
    }
  }
  if (ready_.has("admin")) admin_.emplace(address_of(ready_.text("admin")));
}

WeirProcess::~WeirProcess() {
  std::optional<Exit> exit = child_->wait(Millis(0));
  if (!exit) {
    child_->go_on();
    child_->resume_reading();
    child_->signal(SIGTERM);
    // The second signal must not meet the first while that is pending, or both count as one.
    EXPECT_TRUE(wait_for_event("draining").has_value()) << child_->output();
    child_->signal(SIGTERM);
    exit = child_->wait();
    EXPECT_TRUE(exit.has_value()) << "weir did not stop; its log ends:\n" << child_->lines().back();
    if (exit && exit->status) {
      EXPECT_TRUE(*exit->status == kClean || *exit->status == kForced)
          << exit->to_string() << child_->output();
    }
  }
  if (is_killed_ && exit && exit->signal == SIGKILL) exit.reset();
  expect_sound(exit, *child_);
}

const std::vector<base::Address>& WeirProcess::addresses(const std::string& listener) const {
  return addresses_.at(listener);
}

const base::Address& WeirProcess::address(const std::string& listener) const {
  return addresses(listener).front();
}

const AdminDoor& WeirProcess::admin() const { return admin_.value(); }

void WeirProcess::kill() {
  is_killed_ = true;
  child_->signal(SIGKILL);
}

void WeirProcess::terminate() const { child_->signal(SIGTERM); }

std::optional<Exit> WeirProcess::wait(Millis patience) {
  const auto exit = child_->wait(patience);
  EXPECT_TRUE(exit.has_value()) << "weir did not end";
  return exit;
}

int WeirProcess::stop(Millis patience) {
  terminate();
  const auto exit = wait(patience);
  return exit && exit->status ? *exit->status : -1;
}

std::vector<LogLine> WeirProcess::events(const std::string& event) const {
  std::vector<LogLine> found;
  for (const std::string& text : child_->lines()) {
    auto line = parse_log_line(text);
    if (line && line->event == event) found.push_back(std::move(*line));
  }
  return found;
}

std::vector<LogLine> WeirProcess::wait_for_sessions(std::size_t count, Millis patience) const {
  std::size_t seen = 0;
  const auto is_last = [&](const std::string& text) {
    const auto line = parse_log_line(text);
    return line && line->event == "session" && ++seen == count;
  };
  EXPECT_TRUE(count == 0 || child_->wait_for_line(is_last, patience).has_value())
      << "only " << seen << " of " << count << " sessions were logged";
  return sessions();
}

LogLine WeirProcess::wait_for_session(Millis patience) const {
  const auto all = wait_for_sessions(1, patience);
  EXPECT_EQ(all.size(), 1u);
  return all.empty() ? LogLine{} : all.front();
}

LogLine WeirProcess::wait_for_session_of(const base::Address& client, Millis patience) const {
  const std::string wanted = client.to_string();
  std::optional<LogLine> found;
  const auto is_it = [&](const std::string& text) {
    const auto line = parse_log_line(text);
    if (!line || line->event != "session" || line->text("client") != wanted) return false;
    found = line;
    return true;
  };
  EXPECT_TRUE(child_->wait_for_line(is_it, patience).has_value())
      << "no session of " << wanted << " was logged";
  return found.value_or(LogLine{});
}

std::optional<LogLine> WeirProcess::wait_for_event(const std::string& event, Millis patience) const {
  std::optional<LogLine> found;
  const auto is_it = [&](const std::string& text) {
    auto line = parse_log_line(text);
    if (!line || line->event != event) return false;
    found = std::move(line);
    return true;
  };
  child_->wait_for_line(is_it, patience);
  return found;
}

}  // namespace weir::test
