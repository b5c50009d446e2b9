#include "server/start_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "base/units.h"
#include "net/buffer_pool.h"
#include "server/kernel_advice.h"
#include "server/running.h"

namespace weir::server {

using base::LogFields;

namespace {

// What the kernel keeps ready for the listeners, and what it made of `defer_accept`: a line for all that are
// alike.
void log_queues(const StartParts& parts) {
  const net::KernelSettings settings = net::load_kernel_settings();
  std::map<std::string, std::string> listeners_by_text;
  for (std::size_t i = 0; i < parts.config.listeners.size(); ++i) {
    const config::ListenerConfig& listener = parts.config.listeners[i];
    const auto sockets = static_cast<unsigned>(std::ranges::count_if(
        parts.listeners.sockets(), [i](const Assigned& one) { return one.listener == i; }));
    std::string text = describe_accept_queues(effective_backlog(settings, listener.backlog.value), sockets);
    const auto deferred = std::chrono::duration_cast<base::Millis>(parts.listeners.deferred()[i]);
    if (deferred.count() > 0) text += ", defer_accept as the kernel rounds it " + base::to_string(deferred);
    std::string& names = listeners_by_text[text];
    names += (names.empty() ? "" : " ") + listener.name;
  }
  for (const auto& [text, names] : listeners_by_text) {
    LogFields fields;
    fields.text("listeners", names);
    parts.log.event(LogLevel::kInfo, "limits", text, fields);
  }
}

// The memory that tables of clients have taken; those that are shared are told of once.
void log_tables(const StartParts& parts) {
  std::set<const admission::LimitSet*> told;
  for (std::size_t i = 0; i < parts.world.doors.size(); ++i) {
    const admission::LimitSet* limits = parts.world.doors[i].gate.limits.get();
    if (limits->table() == nullptr || !told.insert(limits).second) continue;
    LogFields fields;
    fields.text("listener", parts.config.listeners[i].name);
    fields.number("clients", limits->table()->capacity());
    fields.text("memory", base::human_bytes(limits->table()->memory_bytes()));
    parts.log.event(LogLevel::kInfo, "limits", "a table of clients", fields);
  }
}

// Listeners that do without have had a warning.
void log_filters(const StartParts& parts) {
  for (std::size_t i = 0; i < parts.world.doors.size(); ++i) {
    const net::PacketFilter* filter = parts.world.doors[i].filter.get();
    if (filter == nullptr) continue;
    LogFields fields;
    fields.text("listener", parts.config.listeners[i].name);
    fields.text("mode", filter->mode() == net::FilterMode::kBpf ? "bpf" : "classic");
    parts.log.event(LogLevel::kInfo, "kernel_drop", "the kernel drops the packets of denied clients", fields);
  }
}

}  // namespace

void log_start(const StartParts& parts, const std::optional<base::Address>& admin) {
  LogFields limits;
  limits.text("buffers", base::human_bytes(parts.buffers * net::Buffer::kSize) + " at most");
  parts.log.event(LogLevel::kInfo, "limits", "max_connections " + parts.descriptors.arithmetic(), limits);
  log_tables(parts);
  log_queues(parts);
  log_filters(parts);
  LogFields fields;
  fields.number("workers", parts.workers);
  fields.number("max_connections", parts.descriptors.max_connections);
  fields.text("listeners", listeners_in_words(parts.config, parts.listeners));
  if (admin) fields.text("admin", admin->to_string());
  parts.log.event(LogLevel::kInfo, "ready", "", fields);
}

void tell_problem(LogWriter& log, LogLevel level, const config::Problem& problem) {
  const std::string place = config::to_string(problem.place);
  log.event(level, "configuration", place.empty() ? problem.text : place + ": " + problem.text);
}

}  // namespace weir::server
