#include "server/command_desk.h"

#include <fmt/format.h>

#include <algorithm>

#include "session/session_id.h"

namespace weir::server {
namespace {

CommandAnswer no_such(std::string_view kind, const std::string& name) {
  return {CommandResult::kNoSuch, fmt::format("there is no {} \"{}\"", kind, name), {}};
}

CommandAnswer refused(std::string why) { return {CommandResult::kRefused, std::move(why), {}}; }

std::optional<std::size_t> position_of(const Running& running, const std::string& pool) {
  const auto& pools = running.world.pools;
  const auto found =
      std::find_if(pools.begin(), pools.end(), [&](const auto& one) { return one->name() == pool; });
  if (found == pools.end()) return std::nullopt;
  return static_cast<std::size_t>(found - pools.begin());
}

base::LogFields fields_of(const std::string& pool, const std::string& backend) {
  base::LogFields fields;
  fields.text("pool", pool);
  fields.text("backend", backend);
  return fields;
}

std::uint32_t weight_of(const pool::Pool& pool, const pool::Backend& backend) {
  for (const pool::BackendView& view : pool.view().backends) {
    if (view.backend.get() == &backend) return view.weight;
  }
  return 0;
}

}  // namespace

void CommandDesk::tell(std::string_view what, const base::LogFields& fields) const {
  parts_.log.event(LogLevel::kInfo, "command", what, fields);
}

void CommandDesk::carry_out(const ChangeBackendCommand& command, const CommandDone& done) {
  const std::shared_ptr<const Running> running = parts_.running();
  const auto position = position_of(*running, command.pool);
  if (!position) return done(no_such("pool", command.pool));
  pool::Pool& pool = *running->world.pools[*position];
  const auto members = pool.members();
  const auto backend = std::find_if(members.begin(), members.end(),
                                    [&](const auto& one) { return one->name() == command.backend; });
  if (backend == members.end()) return done(no_such("backend", command.backend));
  base::LogFields fields = fields_of(command.pool, command.backend);
  if (command.mode) fields.text("mode", pool::word(*command.mode));
  if (command.weight) fields.number("weight", *command.weight);
  tell("a backend is changed", fields);
  const base::TimePoint now = base::precise_now();
  if (command.mode) pool.set_mode(**backend, *command.mode, now);
  if (command.weight) pool.want_weight(**backend, *command.weight, now);
  const bool is_for_nothing = command.mode == pool::BackendMode::kUp && weight_of(pool, **backend) == 0;
  done({CommandResult::kDone,
        is_for_nothing ? "its weight is 0, so it takes no sessions all the same" : "",
        {}});
}

void CommandDesk::carry_out(const AddBackendCommand& command, const CommandDone& done) {
  const std::shared_ptr<const Running> running = parts_.running();
  const auto position = position_of(*running, command.pool);
  if (!position) return done(no_such("pool", command.pool));
  if (const auto added = parts_.names.add(*position, command.backend); !added) {
    return done(refused(added.error().message()));
  }
  base::LogFields fields = fields_of(command.pool, command.backend.name);
  fields.text("address", base::to_string(command.backend.address.value));
  tell("a backend is added", fields);
  done({});
}

void CommandDesk::carry_out(const RemoveBackendCommand& command, const CommandDone& done) {
  const std::shared_ptr<const Running> running = parts_.running();
  const auto position = position_of(*running, command.pool);
  if (!position) return done(no_such("pool", command.pool));
  if (const auto removed = parts_.names.remove(*position, command.backend); !removed) {
    const auto members = running->world.pools[*position]->members();
    const bool is_of_a_name =
        std::ranges::any_of(members, [&](const auto& one) { return one->name() == command.backend; });
    if (!is_of_a_name) return done(no_such("backend", command.backend));
    return done(
        refused(fmt::format("\"{}\" is an address of a name: drain it, or remove the name's entry \"{}\"",
                            command.backend, command.backend.substr(0, command.backend.find('@')))));
  }
  tell("a backend is removed", fields_of(command.pool, command.backend));
  done({});
}

void CommandDesk::carry_out(const ChangeAccessCommand& command, const CommandDone& done) {
  const std::shared_ptr<const Running> running = parts_.running();
  const auto& listeners = running->config.listeners;
  const bool is_there = std::ranges::any_of(
      listeners, [&](const config::ListenerConfig& one) { return one.name == command.listener; });
  if (!is_there) return done(no_such("listener", command.listener));
  parts_.access.edit({command.listener, command.denies, command.network, command.adds},
                     [this, done, command](base::Result<void> result) {
                       if (!result) return done(refused(result.error().message()));
                       base::LogFields fields;
                       fields.text("listener", command.listener);
                       fields.text("list", command.denies ? "deny" : "allow");
                       fields.text("network", command.network.to_string());
                       tell(command.adds ? "a network is added to a list" : "a network is taken from a list",
                            fields);
                       done({});
                     });
}

void CommandDesk::carry_out(const LogLevelCommand& command, const CommandDone& done) {
  base::LogFields fields;
  fields.text("log_level", config::word(command.level));  // a line has a level of its own
  // One of the two levels lets it through, unless both keep it out.
  if (command.level < parts_.log.level()) parts_.log.set_level(command.level);
  tell("the log's level is changed", fields);
  parts_.log.set_level(command.level);
  done({});
}

void CommandDesk::carry_out(const CloseSessionCommand& command, const CommandDone& done) {
  base::LogFields fields;
  fields.text("id", session::id_text(command.id));
  tell("a session is to be closed", fields);
  session::SurveyRequest request;
  request.kind = session::SurveyKind::kClose;
  request.filter.after = command.id;
  const auto tell_outcome = [done, id = command.id](session::SurveyParts&& parts) {
    const bool is_whole = parts.is_whole;
    if (session::findings_of(std::move(parts)).matching > 0) return done({});
    if (is_whole) return done(no_such("session", session::id_text(id)));
    done({CommandResult::kBusy, "a worker has no time to look for it: ask again", {}});
  };
  if (parts_.survey(request, tell_outcome)) return;
  done({CommandResult::kBusy, "too many look at the sessions already: ask again", {}});
}

}  // namespace weir::server
