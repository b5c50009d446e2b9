// Carries out what an operator asks of pools, access lists, the log and single sessions: on the control loop.
// What changes stays until the configuration itself says something else of the same thing, or until Weir
// ends. Each change leaves a line in the log. Reload, upgrade and stop are the supervisor's.
#pragma once

#include <functional>
#include <memory>

#include "server/access_watch.h"
#include "server/command.h"
#include "server/log_writer.h"
#include "server/name_keeper.h"
#include "server/running.h"

namespace weir::server {

class CommandDesk {
 public:
  struct Parts {
    std::function<std::shared_ptr<const Running>()> running;
    // As of `CommandTaker`.
    std::function<bool(session::SurveyRequest, session::Survey::Done)> survey;
    LogWriter& log;
    NameKeeper& names;
    AccessWatch& access;
  };

  // All that is in `parts` outlives it.
  explicit CommandDesk(Parts parts) : parts_(std::move(parts)) {}

  void carry_out(const ChangeBackendCommand& command, const CommandDone& done);
  void carry_out(const AddBackendCommand& command, const CommandDone& done);
  void carry_out(const RemoveBackendCommand& command, const CommandDone& done);
  void carry_out(const ChangeAccessCommand& command, const CommandDone& done);
  void carry_out(const LogLevelCommand& command, const CommandDone& done);
  void carry_out(const CloseSessionCommand& command, const CommandDone& done);

 private:
  void tell(std::string_view what, const base::LogFields& fields) const;

  const Parts parts_;
};

}  // namespace weir::server
