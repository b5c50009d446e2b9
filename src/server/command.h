// What an operator may ask of a running Weir, and what it is answered: plain values. Each command is carried
// out on the control loop, in the order of asking, and answered when it is in force or has been refused.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/address.h"
#include "base/prefix.h"
#include "config/differences.h"
#include "config/model.h"
#include "config/problem.h"
#include "pool/backend.h"
#include "session/survey.h"

namespace weir::server {

// Read the configuration again and put it in force.
struct ReloadCommand {};
// As SIGTERM: the first drains, a second one cuts. Answered when it has begun.
struct StopCommand {};
// Hand over to the program as it is installed now, as SIGUSR2. Answered when that serves, or has failed.
struct UpgradeCommand {};
struct ChangeBackendCommand {
  std::string pool;
  std::string backend;                    // as the status names it
  std::optional<pool::BackendMode> mode;  // nothing: as it is; the same of the weight
  std::optional<std::uint32_t> weight;
};
struct AddBackendCommand {
  std::string pool;
  config::BackendConfig backend;  // an address, no name to be asked for
};
struct RemoveBackendCommand {
  std::string pool;
  std::string backend;
};
struct ChangeAccessCommand {
  std::string listener;
  bool denies = true;  // the side of the list
  base::Prefix network;
  bool adds = true;
};
struct LogLevelCommand {
  config::LogLevel level = config::LogLevel::kInfo;
};
struct CloseSessionCommand {
  std::uint64_t id = 0;
};

using Command =
    std::variant<ReloadCommand, StopCommand, UpgradeCommand, ChangeBackendCommand, AddBackendCommand,
                 RemoveBackendCommand, ChangeAccessCommand, LogLevelCommand, CloseSessionCommand>;

enum class CommandResult : std::uint8_t {
  kDone,
  kNoSuch,    // what it is about is not there
  kRefused,   // it cannot be done as things stand
  kStopping,  // Weir is stopping
  kBusy,      // too many are waiting: ask again
};

// What a reload has come to.
struct ReloadReport {
  config::Problems problems;
  std::vector<config::Difference> differences;
  std::uint64_t sessions_kept = 0;  // at backends that are gone; the next two as well
  std::uint64_t sessions_draining = 0;
  std::uint64_t sessions_closing = 0;
  base::Millis took{0};
};

struct CommandAnswer {
  CommandResult result = CommandResult::kDone;
  std::string text;  // a sentence for people; empty: there is nothing to say
  std::optional<ReloadReport> reload;
};

// Called once, on any thread, and must not wait; not at all where Weir ends before.
using CommandDone = std::function<void(CommandAnswer&&)>;

class CommandTaker {
 public:
  // Any thread.
  virtual void take(Command command, CommandDone done) = 0;
  // `done`: see `Survey`. False: not now, since too many are under way or a worker has no time; nobody is
  // told then.
  [[nodiscard]] virtual bool survey(session::SurveyRequest request, session::Survey::Done done) = 0;

 protected:
  ~CommandTaker() = default;
};

}  // namespace weir::server
