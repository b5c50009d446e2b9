#include "admin/command_reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/units.h"
#include "config/addresses.h"
#include "config/schema.h"
#include "config/text.h"

namespace weir::admin {
namespace {

using nlohmann::json;

constexpr std::size_t kMostEntries = 1000;
constexpr base::Millis kMostAge = std::chrono::hours(24 * 3650);

auto fail(std::string what) { return base::failure({base::ErrorSide::kClient, std::move(what)}); }

using config::quote;

std::string one_of(std::span<const std::string_view> words) { return config::join_quoted(words, "or"); }

// Which of `words` it is; nothing: none.
template <class Words>
std::optional<std::size_t> index_of(const Words& words, std::string_view word) {
  const auto found = std::find(std::begin(words), std::end(words), word);
  if (found == std::end(words)) return std::nullopt;
  return static_cast<std::size_t>(found - std::begin(words));
}

// The members of a body, each of which is asked for by name; what has not been asked for at the end is
// unknown. The first error stays.
class Body {
 public:
  explicit Body(std::string_view text) : members_(json::parse(text, nullptr, false)) {
    if (members_.is_discarded()) complain("the body is no JSON");
    if (!members_.is_object()) complain("the body must be a JSON object");
  }

  void complain(std::string what) {
    if (error_.empty()) error_ = std::move(what);
  }

  // Null: it is not there.
  const json* take(const char* name) {
    asked_.emplace_back(name);
    if (!members_.is_object() || !members_.contains(name)) return nullptr;
    return &members_[name];
  }

  std::optional<std::string> text(const char* name) {
    const json* value = take(name);
    if (value == nullptr) return std::nullopt;
    if (value->is_string()) return value->get<std::string>();
    complain(fmt::format("{} must be a text", quote(name)));
    return std::nullopt;
  }

  std::optional<std::uint32_t> number(const char* name, std::int64_t least, std::int64_t most) {
    const json* value = take(name);
    if (value == nullptr) return std::nullopt;
    const bool fits = value->is_number_integer() &&
                      !(value->is_number_unsigned() && value->get<std::uint64_t>() > std::uint64_t(most));
    if (fits && value->get<std::int64_t>() >= least && value->get<std::int64_t>() <= most) {
      return static_cast<std::uint32_t>(value->get<std::int64_t>());
    }
    complain(fmt::format("{} must be a whole number from {} to {}", quote(name), least, most));
    return std::nullopt;
  }

  template <class Words>
  std::optional<std::size_t> word(const char* name, const Words& words) {
    const auto given = text(name);
    if (!given) return std::nullopt;
    const auto index = index_of(words, *given);
    if (!index) complain(fmt::format("{} is {}, expected {}", quote(name), quote(*given), one_of(words)));
    return index;
  }

  base::Result<void> finish() {
    if (members_.is_object()) {
      for (const auto& [name, value] : members_.items()) {
        if (std::find(asked_.begin(), asked_.end(), name) != asked_.end()) continue;
        complain(fmt::format("{} is not known here{}", quote(name),
                             asked_.empty() ? ": expected {}" : ": expected " + one_of(asked_)));
      }
    }
    if (!error_.empty()) return fail(error_);
    return {};
  }

 private:
  json members_;
  std::vector<std::string_view> asked_;
  std::string error_;
};

std::optional<std::uint32_t> read_weight(Body& body) {
  const config::Key& key = *config::find_key(config::Section::kBackend, "weight");
  return body.number("weight", key.least, key.most);
}

const std::string& at(const Parameters& path, std::string_view name) { return path.find(name)->second; }

base::Result<std::size_t> read_limit(std::string_view text) {
  std::size_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc() || end != text.data() + text.size() || limit < 1 || limit > kMostEntries) {
    return fail(fmt::format("limit is {}, expected a whole number from 1 to {}", quote(text), kMostEntries));
  }
  return limit;
}

base::Result<void> read_filter(std::string_view name, const std::string& value, session::SurveyRequest& out) {
  if (name == "listener") {
    out.filter.listener = value;
  } else if (name == "pool") {
    out.filter.pool = value;
  } else if (name == "backend") {
    out.filter.backend = value;
  } else if (name == "limit") {
    const auto limit = read_limit(value);
    if (!limit) return base::failure(limit.error());
    out.limit = *limit;
  } else if (name == "client") {
    const auto network = base::parse_prefix(value);
    if (!network) return fail(fmt::format("client is {}: {}", quote(value), network.error().message()));
    out.filter.client = network->prefix;
  } else if (name == "state") {
    const auto index = index_of(session::kSessionStateWords, value);
    if (!index) {
      return fail(fmt::format("state is {}, expected {}", quote(value), one_of(session::kSessionStateWords)));
    }
    out.filter.state = static_cast<session::SessionState>(*index);
  } else if (name == "min_age") {
    const auto age = base::parse_duration(value);
    if (!age) return fail(fmt::format("min_age is {}: {}", quote(value), age.error().message()));
    if (*age > kMostAge) {
      return fail(fmt::format("min_age is {}: at most {}", quote(value), base::to_string(kMostAge)));
    }
    out.filter.least_age = *age;
  } else if (name == "after") {
    const auto id = read_session_id(value);
    if (!id) return base::failure(id.error());
    out.filter.after = *id;
  } else if (name == "sort") {
    if (value != "id" && value != "bytes")
      return fail(fmt::format("sort is {}, expected id or bytes", quote(value)));
    out.kind = value == "id" ? session::SurveyKind::kById : session::SurveyKind::kByBytes;
  }
  return {};
}

base::Result<session::SurveyRequest> read_query(const Parameters& query, session::SurveyKind kind,
                                                std::initializer_list<std::string_view> known) {
  session::SurveyRequest request;
  request.kind = kind;
  for (const auto& [name, value] : query) {
    if (!index_of(known, name)) {
      return fail(
          fmt::format("the query has {}, expected {}", quote(name), one_of({known.begin(), known.size()})));
    }
    if (auto read = read_filter(name, value, request); !read) return base::failure(read.error());
  }
  return request;
}

}  // namespace

base::Result<server::ChangeBackendCommand> read_backend_change(const Parameters& path,
                                                               std::string_view text) {
  Body body(text);
  server::ChangeBackendCommand command{at(path, "pool"), at(path, "backend"), {}, {}};
  if (const auto mode = body.word("state", pool::kBackendModeWords))
    command.mode = static_cast<pool::BackendMode>(*mode);
  command.weight = read_weight(body);
  if (auto read = body.finish(); !read) return base::failure(read.error());
  if (!command.mode && !command.weight)
    return fail("nothing is to be changed: expected \"state\" or \"weight\"");
  return command;
}

base::Result<server::AddBackendCommand> read_added_backend(const Parameters& path, std::string_view text) {
  Body body(text);
  server::AddBackendCommand command{at(path, "pool"), {}};
  config::BackendConfig& backend = command.backend;
  const auto address = body.text("address");
  if (!address) {
    body.complain("\"address\" is missing: expected one such as \"10.0.0.1:80\"");
  } else if (auto parsed = config::parse_backend_address(*address); !parsed) {
    body.complain("\"address\": " + parsed.error());
  } else if (!std::holds_alternative<base::Address>(*parsed)) {
    body.complain(
        fmt::format("\"address\" is {}: a name has to be in the configuration, which says how it is asked "
                    "for; expected an address and a port",
                    quote(*address)));
  } else {
    backend.address.value = *std::move(parsed);
    backend.name = *address;
  }
  if (const auto name = body.text("name")) {
    backend.name = *name;
    if (!config::is_name(*name, "_-.:")) {
      body.complain(
          fmt::format("\"name\" cannot be {}: expected 1 to 63 letters, digits, \"_\", \"-\", \".\" or \":\"",
                      quote(*name)));
    }
  }
  if (const auto weight = read_weight(body)) backend.weight = *weight;
  const config::Key& most = *config::find_key(config::Section::kBackend, "max_connections");
  backend.max_connections = body.number("max_connections", most.least, most.most);
  if (const json* backup = body.take("backup")) {
    if (backup->is_boolean()) {
      backend.is_backup = backup->get<bool>();
    } else {
      body.complain("\"backup\" must be true or false");
    }
  }
  if (const auto mode = body.word("state", pool::kBackendModeWords))
    backend.mode = static_cast<pool::BackendMode>(*mode);
  if (auto read = body.finish(); !read) return base::failure(read.error());
  return command;
}

base::Result<server::ChangeAccessCommand> read_access_change(const Parameters& path, std::string_view text) {
  Body body(text);
  const std::string& side = at(path, "side");
  if (side != "allow" && side != "deny") {
    return fail(fmt::format("there is no list {}: expected allow or deny", quote(side)));
  }
  const auto network = body.text("network");
  if (auto read = body.finish(); !read) return base::failure(read.error());
  if (!network) return fail("\"network\" is missing: expected one such as \"203.0.113.0/24\"");
  const auto prefix = base::parse_prefix(*network);
  if (!prefix) return fail(fmt::format("\"network\" is {}: {}", quote(*network), prefix.error().message()));
  if (prefix->has_host_bits) {
    return fail(fmt::format("\"network\" is {}, which has bits beyond its length: is {} meant?",
                            quote(*network), prefix->prefix.to_string()));
  }
  return server::ChangeAccessCommand{at(path, "listener"), side == "deny", prefix->prefix, true};
}

base::Result<server::LogLevelCommand> read_log_level(std::string_view text) {
  Body body(text);
  const auto level = body.word("level", config::kLogLevelWords);
  if (auto read = body.finish(); !read) return base::failure(read.error());
  if (!level) return fail("\"level\" is missing: expected " + one_of(config::kLogLevelWords));
  return server::LogLevelCommand{static_cast<config::LogLevel>(*level)};
}

base::Result<void> read_nothing(std::string_view text) {
  if (text.empty()) return {};
  return Body(text).finish();
}

base::Result<std::uint64_t> read_session_id(std::string_view text) {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id, 16);
  if (error == std::errc() && end == text.data() + text.size() && !text.empty()) return id;
  return fail(fmt::format("{} is no id of a session: expected hexadecimal digits such as 0104aed000000001",
                          quote(text)));
}

base::Result<session::SurveyRequest> read_session_query(const Parameters& query) {
  return read_query(query, session::SurveyKind::kById,
                    {"listener", "pool", "backend", "client", "state", "min_age", "sort", "after", "limit"});
}

base::Result<session::SurveyRequest> read_client_query(const Parameters& query) {
  return read_query(query, session::SurveyKind::kByClient, {"listener", "pool", "backend", "limit"});
}

}  // namespace weir::admin
