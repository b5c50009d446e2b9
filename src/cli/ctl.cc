#include "cli/ctl.h"

#include <unistd.h>

#include "cli/admission_views.h"
#include "cli/commands.h"
#include "cli/ctl_views.h"
#include "cli/output.h"
#include "config/text.h"

namespace weir::cli {
namespace {

Colours colours() {
  return !wants_no_colours() && ::isatty(STDOUT_FILENO) != 0 ? Colours::kTerminal : Colours::kNone;
}

constexpr std::size_t kLongestWord = 2000;

int fail(const std::string& text) {
  complain("weir: " + text + "\n");
  return kProblem;
}

struct Shown {
  std::string body;  // as it came
  Json document;     // the object that it is
};

base::Result<Shown> get(const DoorAddress& door, const std::string& target) {
  auto answer = ask_door(door, {"GET", target, ""});
  if (!answer) return base::failure(std::move(answer.error()));
  auto document = document_of(door, *answer);
  if (!document) return base::failure(std::move(document.error()));
  return Shown{std::move(answer->body), *std::move(document)};
}

std::string target_of(View view, const std::string& name) {
  switch (view) {
    case View::kOverview:
      return "/v1/process";
    case View::kProcesses:
      return "/v1/processes";
    case View::kListeners:
      return "/v1/listeners";
    case View::kPools:
    case View::kBackends:
      return "/v1/pools";
    case View::kSessions:
      return "/v1/sessions";
    case View::kSession:
      return "/v1/sessions/" + escaped(name);
    case View::kClients:
      return "/v1/clients";
    case View::kRefusals:
      return "/v1/refusals";
    case View::kLimits:
      return "/v1/limits";
    case View::kSettings:
      return "/v1/configuration";
  }
  return "";
}

std::string text_of(View view, const Json& found, const std::string& name) {
  switch (view) {
    case View::kProcesses:
      return processes_text(found, colours());
    case View::kListeners:
      return listeners_text(found, colours());
    case View::kPools:
      return pools_text(found, colours());
    case View::kBackends:
      return backends_text(found, name, colours());
    case View::kSessions:
      return sessions_text(found, colours());
    case View::kSession:
      return session_text(found, colours());
    case View::kClients:
      return clients_text(found, colours());
    case View::kRefusals:
      return refusals_text(found, colours());
    case View::kLimits:
      return limits_text(found, colours());
    case View::kSettings:
      return settings_text(found, name, colours());
    case View::kOverview:
      break;
  }
  return "";
}

// A document that cannot be shown as a table is still the door's own answer.
bool knows(View view, const Json& document, const std::string& name) {
  try {
    return !text_of(view, document, name).empty();
  } catch (const Json::exception&) {
    return true;
  }
}

// A stranger's answer, or that of a Weir of another time, may have another shape.
template <class Make>
int print_text(Make make) {
  try {
    const std::string text = make();
    if (text.empty()) return fail("there is nothing of that name");
    return print(text) ? kDone : kProblem;
  } catch (const Json::exception&) {
    return fail(kNotUnderstood);
  }
}

// What came of a change: the door's own answer, whatever it says, or the text that `make` makes of one that
// is good.
template <class Make>
int tell(const CtlOptions& options, const DoorAddress& door, const DoorAnswer& answer, Make make) {
  const auto document = document_of(door, answer);
  const bool is_door = document || Json::parse(answer.body, nullptr, false).is_object();
  if (options.json && is_door) {
    return print(answer.body) && document ? kDone : kProblem;
  }
  if (!document) return fail(document.error().message());
  return print_text([&] { return make(*document); });
}

std::string done_of(const Json& said) {
  return config::printable(said.at("done").get<std::string>(), kLongestWord);
}

int show_overview(const CtlOptions& options, const DoorAddress& door) {
  std::vector<Json> parts;
  for (const char* target : {"/v1/process", "/v1/listeners", "/v1/pools"}) {
    auto found = get(door, target);
    if (!found) return fail(found.error().message());
    parts.push_back(std::move(found->document));
  }
  return print_text([&] {
    if (!options.json) return overview_text(parts[0], parts[1], parts[2], colours());
    const Json all = {
        {"process", parts[0]}, {"listeners", parts[1].at("listeners")}, {"pools", parts[2].at("pools")}};
    return all.dump(2) + "\n";
  });
}

}  // namespace

int show(const CtlOptions& options, View view, const std::string& name,
         const std::vector<std::pair<std::string, std::string>>& query) {
  const auto door = find_door(options.door);
  if (!door) return fail(door.error().message());
  if (view == View::kOverview) return show_overview(options, *door);
  std::string target = target_of(view, name);
  for (const auto& [key, value] : query) {
    target += (target.find('?') == std::string::npos ? "?" : "&") + key + "=" + escaped(value);
  }
  const auto found = get(*door, target);
  if (!found) return fail(found.error().message());
  if (options.json && (name.empty() || knows(view, found->document, name))) {
    return print(found->body) ? kDone : kProblem;
  }
  return print_text([&] { return text_of(view, found->document, name); });
}

int show_names(const CtlOptions& options, const std::string& what, const std::string& pool) {
  const auto door = find_door(options.door);
  if (!door) return fail(door.error().message());
  const auto found = get(*door, what == "listeners" ? "/v1/listeners" : "/v1/pools");
  if (!found) return fail(found.error().message());
  return print_text([&] { return options.json ? found->body : names_text(found->document, what, pool); });
}

int change(const CtlOptions& options, const DoorRequest& request, const std::string& what) {
  const auto door = find_door(options.door);
  if (!door) return fail(door.error().message());
  const auto answer = ask_door(*door, request);
  if (!answer) return fail(answer.error().message());
  return tell(options, *door, *answer, [&](const Json& said) {
    static_cast<void>(done_of(said));
    return what + note_of(said) + "\n";
  });
}

int ready(const CtlOptions& options) {
  const auto door = find_door(options.door);
  if (!door) return fail(door.error().message());
  const auto answer = ask_door(*door, {"GET", "/ready", ""});
  if (!answer) return fail(answer.error().message());
  const bool is_ready = answer->status == 200;
  if (!options.json && !is_ready) {
    return fail(answer->status == 503 ? "it is stopping: no new connections" : why_not(*door, *answer));
  }
  const bool is_told = print(options.json ? Json{{"ready", is_ready}}.dump() + "\n" : "ready\n");
  return is_told && is_ready ? kDone : kProblem;
}

int upgrade(const CtlOptions& options) {
  const auto door = find_door(options.door);
  if (!door) return fail(door.error().message());
  // The new process has a minute to be ready.
  const auto answer = ask_door(*door, {"POST", "/v1/upgrade", ""}, base::Millis(120'000));
  if (!answer) return fail(answer.error().message());
  return tell(options, *door, *answer, [](const Json& said) { return done_of(said) + "\n"; });
}

int reload(const CtlOptions& options) {
  const auto door = find_door(options.door);
  if (!door) return fail(door.error().message());
  // Names may take their time.
  const auto answer = ask_door(*door, {"POST", "/v1/reload", ""}, base::Millis(600'000));
  if (!answer) return fail(answer.error().message());
  const Json report = Json::parse(answer->body, nullptr, false);
  if (options.json || !report.is_object() || !report.contains("changes")) {
    return tell(options, *door, *answer, [](const Json& said) { return reload_text(said, colours()); });
  }
  const int told = print_text([&] { return reload_text(report, colours()); });
  return answer->status == 200 ? told : kProblem;
}

}  // namespace weir::cli
