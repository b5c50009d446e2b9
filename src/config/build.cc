#include "config/build.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/addresses.h"
#include "config/build_admission.h"
#include "config/build_listener.h"
#include "config/build_pool.h"
#include "config/server_names.h"
#include "config/table_reader.h"
#include "config/text.h"

namespace weir::config {
namespace {

constexpr std::array<std::string_view, 7> kRootNames{"include",   "process", "log",  "admin",
                                                     "listeners", "limits",  "pools"};

// The table under `name`, or an empty one; any other value there is a problem.
const Node& section_table(const Node& root, std::string_view name, std::string_view form,
                          Problems& problems) {
  static const Node kEmpty;
  const Entry* entry = root.find(name);
  if (entry == nullptr) return kEmpty;
  if (entry->value.kind == Kind::kTable) return entry->value;
  if (entry->value.kind != Kind::kFaulty) {
    add_error(problems, entry->place,
              fmt::format("{}: found {}, expected a table, written {}", name, found(entry->value), form));
  }
  return kEmpty;
}

ProcessConfig build_process(const Node& root, Problems& problems) {
  ProcessConfig out;
  const Node& table = section_table(root, "process", title(Section::kProcess), problems);
  TableReader reader(Section::kProcess, table, "process", table.place, problems);
  reader.read_count("workers", out.workers);
  reader.read_count("max_connections", out.max_connections);
  reader.read_word("when_full", out.when_full);
  reader.read_duration("drain_timeout", out.drain_timeout);
  reader.read_duration("drain_delay", out.drain_delay);
  reader.read_duration("upgrade_drain_timeout", out.upgrade_drain_timeout);
  reader.read_count("busy_poll", out.busy_poll);
  reader.read_count("splice_pipes", out.splice_pipes);
  reader.read_text("user", out.user);
  const Node& limits = reader.nested("limits");
  TableReader limits_reader(Section::kProcessLimits, limits, "process.limits", limits.place, problems);
  out.connection_rate = read_connection_rate(limits_reader);
  limits_reader.finish();
  reader.finish();
  return out;
}

LogConfig build_log(const Node& root, Problems& problems) {
  LogConfig out;
  const Node& table = section_table(root, "log", title(Section::kLog), problems);
  TableReader reader(Section::kLog, table, "log", table.place, problems);
  reader.read_word("level", out.level);
  reader.read_word("format", out.format);
  reader.read_text("output", out.output);
  reader.read_word("sessions", out.sessions);
  reader.finish();
  return out;
}

AdminConfig build_admin(const Node& root, Problems& problems) {
  AdminConfig out;
  const Node& table = section_table(root, "admin", title(Section::kAdmin), problems);
  TableReader reader(Section::kAdmin, table, "admin", table.place, problems);
  Placed<std::string> bind;
  reader.read_text("bind", bind);
  const bool is_set = !bind.value.empty() || bind.place.line != 0;
  if (is_set && bind.value != find_key(Section::kAdmin, "bind")->special) {
    if (auto address = parse_admin_address(bind.value)) {
      out.bind = Placed<base::Address>{*std::move(address), bind.place};
    } else {
      reader.fail("bind", bind.place, address.error() + "; without an admin door: \"off\"");
    }
  }
  reader.read_path("token_file", out.token_file);
  reader.each_text("hosts", [&](const Node& item) {
    if (const auto name = parse_host_name(item.text)) return out.hosts.push_back(*name);
    reader.fail(
        "hosts", item.place,
        fmt::format("{} is no host name: expected one such as \"weir\" or \"weir.example\", without a port",
                    quote(item.text)));
  });
  if (out.bind && is_far(out.bind->value) && out.token_file.value.empty()) {
    reader.fail(
        "bind", bind.place,
        fmt::format("{} can be reached from other machines, and without a token the admin door asks for "
                    "no password: set admin.token_file, or use a loopback address such as "
                    "\"127.0.0.1:9900\" or \"[::1]:9900\", or \"unix:/PATH\"; without an admin door: "
                    "\"off\"",
                    quote(bind.value)));
  }
  reader.finish();
  return out;
}

// The tables [`name`.X], each given to `build`; entries that are no tables are problems.
template <class Build>
auto build_named(const Node& root, std::string_view name, Section section, Build build, Problems& problems) {
  std::vector<decltype(build(Entry{}, problems))> out;
  for (const Entry& entry : section_table(root, name, title(section), problems).entries) {
    if (!is_name(entry.key, "_-.")) {
      add_error(
          problems, entry.place,
          fmt::format("{}: {} cannot be a name: expected 1 to 63 letters, digits, \"_\", \"-\" or \".\"",
                      name, quote(entry.key)));
    } else if (entry.value.kind == Kind::kTable) {
      out.push_back(build(entry, problems));
    } else if (entry.value.kind != Kind::kFaulty) {
      add_error(problems, entry.place,
                fmt::format("{}.{}: found {}, expected a table: each has a name of your choice and is "
                            "written {}",
                            name, entry.key, found(entry.value), title(section)));
    }
  }
  return out;
}

void check_includes(const Entry& entry, Problems& problems) {
  const Key& key = *find_key(Section::kRoot, "include");
  const auto report = [&](const Node& node) {
    add_error(problems, node.place, fmt::format("include: {}", mismatch(key, node)));
  };
  if (entry.value.kind != Kind::kList) return report(entry.value);
  for (const Node& item : entry.value.items) {
    if (item.kind == Kind::kFaulty) continue;
    if (item.kind != Kind::kString) {
      report(item);
    } else if (!is_plain_text(item.text) || item.text.empty()) {
      add_error(problems, item.place, fmt::format("include: {} cannot be a file name", quote(item.text)));
    }
  }
}

void report_unknown(const Entry& entry, Problems& problems) {
  const bool is_table = entry.value.kind == Kind::kTable;
  std::string hint = is_table ? "" : belongs_hint(entry.key, Section::kRoot);
  if (hint.empty()) hint = did_you_mean(entry.key, kRootNames);
  if (hint.empty()) hint = fmt::format("; known are {}", join_quoted(kRootNames, "and"));
  add_error(problems, entry.place,
            fmt::format("unknown {} {}{}", is_table ? "table" : "key", quote(entry.key), hint));
}

}  // namespace

Config build_config(const Node& root, Problems& problems) {
  Config config;
  config.process = build_process(root, problems);
  config.log = build_log(root, problems);
  config.admin = build_admin(root, problems);
  config.listeners = build_named(root, "listeners", Section::kListener, build_listener, problems);
  config.limits = build_named(root, "limits", Section::kLimits, build_limits, problems);
  config.pools = build_named(root, "pools", Section::kPool, build_pool, problems);
  for (const Entry& entry : root.entries) {
    const bool is_known =
        std::find(kRootNames.begin(), kRootNames.end(), std::string_view(entry.key)) != kRootNames.end();
    if (entry.key == "include") check_includes(entry, problems);
    if (!is_known) report_unknown(entry, problems);
  }
  return config;
}

}  // namespace weir::config
