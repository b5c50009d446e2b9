#include "server/handed_state.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace weir::server {
namespace {

using nlohmann::json;
using pool::BackendMode;
using pool::BackendPast;

std::int64_t milliseconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<base::Millis>(time.time_since_epoch()).count();
}

std::chrono::system_clock::time_point time_of(std::int64_t milliseconds) {
  return std::chrono::system_clock::time_point(base::Millis(milliseconds));
}

template <class Words>
std::optional<std::size_t> position_of(const json& word, const Words& words) {
  const auto found = std::ranges::find(words, word.get<std::string>());
  if (found == words.end()) return std::nullopt;
  return static_cast<std::size_t>(found - words.begin());
}

template <class Enum, class Words>
json wish_to_json(const pool::Wish<Enum>& wish, const Words& words) {
  return {{"wanted", words[static_cast<std::size_t>(wish.wanted)]},
          {"written", words[static_cast<std::size_t>(wish.written)]}};
}

// Throws what nlohmann-json throws.
template <class Enum, class Words>
std::optional<pool::Wish<Enum>> wish_of(const json& from, const char* key, const Words& words) {
  const auto wish = from.find(key);
  if (wish == from.end()) return std::nullopt;
  const auto wanted = position_of(wish->at("wanted"), words);
  const auto written = position_of(wish->at("written"), words);
  if (!wanted || !written) return std::nullopt;
  return pool::Wish<Enum>{static_cast<Enum>(*wanted), static_cast<Enum>(*written)};
}

json to_json(const BackendPast& past) {
  json out{{"name", past.name}, {"address", past.address.to_string()}};
  if (past.mode) out["mode"] = wish_to_json(*past.mode, pool::kBackendModeWords);
  if (past.weight) out["weight"] = {{"wanted", past.weight->wanted}, {"written", past.weight->written}};
  if (past.is_checked) out["check"] = {{"up", past.is_up}, {"reason", past.reason}};
  if (past.out_for) {
    out["ejection"] = {{"ms", past.out_for->count()},
                       {"passed_over", past.is_passed_over},
                       {"reason", past.ejected_for},
                       {"in_a_row", past.ejections}};
  }
  if (past.ramping_for) out["slow_start_ms"] = past.ramping_for->count();
  if (past.connect_time != 0) out["connect_us"] = past.connect_time;
  return out;
}

// Throws what nlohmann-json throws.
BackendPast backend_of(const json& from) {
  BackendPast past;
  past.name = from.at("name").get<std::string>();
  if (auto address = base::parse_address(from.at("address").get<std::string>())) past.address = *address;
  past.mode = wish_of<BackendMode>(from, "mode", pool::kBackendModeWords);
  if (const auto weight = from.find("weight"); weight != from.end()) {
    past.weight = {weight->at("wanted").get<std::uint32_t>(), weight->at("written").get<std::uint32_t>()};
  }
  if (const auto check = from.find("check"); check != from.end()) {
    past.is_checked = true;
    past.is_up = check->value("up", true);
    past.reason = check->value("reason", "");
  }
  if (const auto ejection = from.find("ejection"); ejection != from.end()) {
    past.out_for = base::Millis(ejection->value("ms", std::int64_t{0}));
    past.is_passed_over = ejection->value("passed_over", false);
    past.ejected_for = ejection->value("reason", "");
    past.ejections = ejection->value("in_a_row", 1u);
  }
  if (from.contains("slow_start_ms"))
    past.ramping_for = base::Millis(from["slow_start_ms"].get<std::int64_t>());
  past.connect_time = from.value("connect_us", 0u);
  return past;
}

json to_json(const HandedName& name) {
  json endpoints = json::array();
  for (const auto& one : name.endpoints) {
    endpoints.push_back({{"address", one.address.to_string()},
                         {"weight", one.weight},
                         {"rank", one.rank},
                         {"target", one.target}});
  }
  return {{"pool", name.pool},
          {"host", name.asked.host},
          {"port", name.asked.port},
          {"service", name.is_service},
          {"endpoints", std::move(endpoints)}};
}

HandedName name_of(const json& from) {
  HandedName name;
  name.pool = from.at("pool").get<std::string>();
  name.asked = {from.at("host").get<std::string>(), from.value("port", std::uint16_t{0})};
  name.is_service = from.value("service", false);
  for (const json& one : from.at("endpoints")) {
    const auto address = base::parse_address(one.at("address").get<std::string>());
    if (!address) continue;
    name.endpoints.push_back(
        {*address, std::max(one.value("weight", 1u), 1u), one.value("rank", 0u), one.value("target", "")});
  }
  return name;
}

json to_json(const config::BackendConfig& entry) {
  json out{{"name", entry.name},
           {"address", base::to_string(entry.address.value)},
           {"weight", entry.weight},
           {"backup", entry.is_backup},
           {"mode", pool::word(entry.mode)}};
  if (entry.max_connections) out["max_connections"] = *entry.max_connections;
  return out;
}

// Nothing where its address is none.
std::optional<config::BackendConfig> entry_of(const json& from) {
  const auto address = base::parse_address(from.at("address").get<std::string>());
  const auto mode = position_of(from.at("mode"), pool::kBackendModeWords);
  if (!address || !mode) return std::nullopt;
  config::BackendConfig entry;
  entry.name = from.at("name").get<std::string>();
  entry.address.value = *address;
  entry.weight = from.at("weight").get<unsigned>();
  entry.is_backup = from.at("backup").get<bool>();
  entry.mode = static_cast<BackendMode>(*mode);
  if (from.contains("max_connections")) entry.max_connections = from["max_connections"].get<unsigned>();
  return entry;
}

json to_json(const PoolAlterations::OfPool& altered) {
  json added = json::array();
  for (const config::BackendConfig& entry : altered.added) added.push_back(to_json(entry));
  return {{"added", std::move(added)}, {"removed", altered.removed}};
}

PoolAlterations::OfPool alterations_of(const json& from) {
  PoolAlterations::OfPool altered;
  for (const json& one : from.at("added")) {
    if (auto entry = entry_of(one)) altered.added.push_back(*std::move(entry));
  }
  altered.removed = from.at("removed").get<std::map<std::string, std::string>>();
  return altered;
}

json to_json(const std::vector<base::Prefix>& networks) {
  json out = json::array();
  for (const base::Prefix& network : networks) out.push_back(network.to_string());
  return out;
}

std::vector<base::Prefix> networks_of(const json& from) {
  std::vector<base::Prefix> networks;
  for (const json& one : from) {
    if (const auto parsed = base::parse_prefix(one.get<std::string>())) networks.push_back(parsed->prefix);
  }
  return networks;
}

json to_json(const PredecessorStatus& process) {
  json out{{"pid", process.pid}, {"began", process.began}, {"since_ms", milliseconds(process.since)}};
  if (process.drains_until) out["until_ms"] = milliseconds(*process.drains_until);
  return out;
}

PredecessorStatus process_of(const json& from) {
  PredecessorStatus process;
  process.pid = from.at("pid").get<pid_t>();
  process.began = from.at("began").get<std::uint64_t>();
  process.since = time_of(from.value("since_ms", std::int64_t{0}));
  if (from.contains("until_ms")) process.drains_until = time_of(from["until_ms"].get<std::int64_t>());
  return process;
}

HandedState state_of(const json& document) {
  const json pools = document.value("pools", json::object());
  const json rates = document.value("rates", json::object());
  const json names = document.value("names", json::array());
  const json alterations = document.value("alterations", json::object());
  const json additions = document.value("additions", json::object());
  const json processes = document.value("processes", json::array());
  HandedState state;
  state.run = document.value("run", std::uint64_t{0});
  for (const auto& [pool, backends] : pools.items()) {
    for (const json& one : backends) state.pools[pool].push_back(backend_of(one));
  }
  for (const auto& [limits, ahead] : rates.items()) {
    state.rates[limits] = std::chrono::nanoseconds(ahead.get<std::int64_t>());
  }
  for (const json& one : names) state.names.push_back(name_of(one));
  for (const auto& [pool, altered] : alterations.items()) state.alterations[pool] = alterations_of(altered);
  for (const auto& [listener, added] : additions.items()) {
    state.additions[listener] = {networks_of(added.at("allow")), networks_of(added.at("deny"))};
  }
  state.log_level = wish_of<config::LogLevel>(document, "log_level", config::kLogLevelWords);
  for (const json& one : processes) state.processes.push_back(process_of(one));
  return state;
}

}  // namespace

std::string build_document(const HandedState& state) {
  json document{{"pools", json::object()},       {"rates", json::object()},     {"names", json::array()},
                {"alterations", json::object()}, {"additions", json::object()}, {"run", state.run},
                {"processes", json::array()}};
  for (const auto& [pool, backends] : state.pools) {
    json& all = document["pools"][pool] = json::array();
    for (const BackendPast& one : backends) all.push_back(to_json(one));
  }
  for (const auto& [limits, ahead] : state.rates) document["rates"][limits] = ahead.count();
  for (const HandedName& one : state.names) document["names"].push_back(to_json(one));
  for (const auto& [pool, altered] : state.alterations) document["alterations"][pool] = to_json(altered);
  for (const auto& [listener, added] : state.additions) {
    document["additions"][listener] = {{"allow", to_json(added.allow)}, {"deny", to_json(added.deny)}};
  }
  if (state.log_level) document["log_level"] = wish_to_json(*state.log_level, config::kLogLevelWords);
  for (const PredecessorStatus& one : state.processes) document["processes"].push_back(to_json(one));
  // A reason may quote bytes of a backend that are no text.
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

base::Result<HandedState> parse_document(std::string_view text) {
  try {
    return state_of(json::parse(text));
  } catch (const json::exception& error) {
    return base::failure({base::ErrorSide::kSystem,
                          std::string("what the process before has told cannot be read: ") + error.what()});
  }
}

}  // namespace weir::server
