#include "admin/routes.h"

#include <algorithm>

#include "admin/command_reading.h"
#include "admin/json_views.h"
#include "admin/page.h"
#include "admin/request_parts.h"
#include "admin/views.h"

namespace weir::admin {
namespace {

struct Call {
  const HttpRequest& request;
  const Parameters path;
  const Parameters query;
  const HttpReply& reply;
  const Behind& behind;

  const std::string& at(std::string_view name) const { return path.find(name)->second; }
};

int status_of(server::CommandResult result) {
  switch (result) {
    case server::CommandResult::kDone:
      return 200;
    case server::CommandResult::kNoSuch:
      return 404;
    case server::CommandResult::kRefused:
      return 409;
    case server::CommandResult::kStopping:
    case server::CommandResult::kBusy:
      return 503;
  }
  return 500;
}

HttpResponse response_to(const server::CommandAnswer& answer) {
  Json body = Json::object();
  if (answer.result == server::CommandResult::kDone) {
    body["done"] = answer.text.empty() ? "done" : answer.text;
  } else {
    body["error"] = answer.text;
  }
  if (answer.reload) body.update(reload_json(*answer.reload));
  return json_response(body, status_of(answer.result));
}

void command(const Call& call, server::Command command) {
  call.behind.commands.take(std::move(command), [reply = call.reply](server::CommandAnswer&& answer) {
    reply.send_made([answer = std::move(answer)] { return response_to(answer); });
  });
}

// Does `wanted`, or says what is wrong with it.
template <class Wanted>
void command_if_read(const Call& call, base::Result<Wanted> wanted) {
  if (!wanted) return call.reply.send(error_response(400, wanted.error().message()));
  command(call, *std::move(wanted));
}

// What is found is put together on the door's thread.
template <class Show>
void survey(const Call& call, const session::SurveyRequest& request, Show show) {
  const auto show_parts = [reply = call.reply, show](session::SurveyParts&& parts) {
    const auto found = std::make_shared<session::SurveyParts>(std::move(parts));
    reply.send_made([show, found] {
      if (!found->is_whole)
        return error_response(503, "a worker has no time to look at its sessions: ask again");
      return show(session::findings_of(std::move(*found)));
    });
  };
  if (call.behind.commands.survey(request, show_parts)) return;
  call.reply.send(error_response(503, "too many look at the sessions already: ask again"));
}

template <Json (*show)(const server::ProcessStatus&)>
void show_status(const Call& call) {
  call.reply.send(json_response(show(call.behind.status.read_status())));
}

// The one of `list` in what `show` gives that is called `name`.
void show_one(const Call& call, Json all, const char* list, const char* kind, const std::string& name) {
  for (Json& one : all[list]) {
    if (one["name"] == name) return call.reply.send(json_response(one));
  }
  call.reply.send(error_response(404, "there is no " + std::string(kind) + " \"" + name + "\""));
}

void show_page(const Call& call) { call.reply.send(page_response("index.html").value()); }

void show_page_file(const Call& call) {
  const std::string& name = call.at("file");
  auto response = page_response(name);
  call.reply.send(response ? *std::move(response)
                           : error_response(404, "the dashboard has no file \"" + name + "\""));
}

void show_metrics(const Call& call) {
  call.reply.send(
      {200, "text/plain; version=0.0.4; charset=utf-8", metrics_text(call.behind.status.read_status()), {}});
}

void show_ready(const Call& call) {
  const bool draining = call.behind.status.is_draining();
  call.reply.send(
      {draining ? 503 : 200, "text/plain; charset=utf-8", draining ? "draining\n" : "ready\n", {}});
}

void show_openapi(const Call& call) {
  call.reply.send({200, "application/json", std::string(openapi_text()), {}});
}

void show_listener(const Call& call) {
  show_one(call, listeners_json(call.behind.status.read_status()), "listeners", "listener",
           call.at("listener"));
}

void show_pool(const Call& call) {
  show_one(call, pools_json(call.behind.status.read_status()), "pools", "pool", call.at("pool"));
}

void show_backend(const Call& call) {
  Json all = pools_json(call.behind.status.read_status());
  for (Json& pool : all["pools"]) {
    if (pool["name"] == call.at("pool"))
      return show_one(call, pool, "backends", "backend", call.at("backend"));
  }
  call.reply.send(error_response(404, "there is no pool \"" + call.at("pool") + "\""));
}

void show_configuration(const Call& call) {
  call.reply.send(json_response(configuration_json(call.behind.status.read_settings())));
}

void show_sessions(const Call& call) {
  const auto request = read_session_query(call.query);
  if (!request) return call.reply.send(error_response(400, request.error().message()));
  survey(call, *request, [asked = *request](const session::SurveyFindings& found) {
    return json_response(sessions_json(found, asked));
  });
}

void show_session(const Call& call) {
  const auto id = read_session_id(call.at("session"));
  if (!id) return call.reply.send(error_response(400, id.error().message()));
  session::SurveyRequest request;
  request.kind = session::SurveyKind::kOne;
  request.filter.after = *id;
  survey(call, request, [name = call.at("session")](const session::SurveyFindings& found) {
    if (found.one) return json_response(session_json(*found.one));
    return error_response(404, "there is no session \"" + name + "\" open");
  });
}

void show_clients(const Call& call) {
  const auto request = read_client_query(call.query);
  if (!request) return call.reply.send(error_response(400, request.error().message()));
  survey(call, *request,
         [](const session::SurveyFindings& found) { return json_response(clients_json(found)); });
}

template <class Wanted>
void command_without_body(const Call& call, Wanted wanted) {
  if (const auto read = read_nothing(call.request.body); !read) {
    return call.reply.send(error_response(400, read.error().message()));
  }
  command(call, std::move(wanted));
}

void reload(const Call& call) { command_without_body(call, server::ReloadCommand{}); }
void upgrade(const Call& call) { command_without_body(call, server::UpgradeCommand{}); }
void drain(const Call& call) { command_without_body(call, server::StopCommand{}); }

void change_backend(const Call& call) {
  command_if_read(call, read_backend_change(call.path, call.request.body));
}
void add_backend(const Call& call) {
  command_if_read(call, read_added_backend(call.path, call.request.body));
}
void remove_backend(const Call& call) {
  command_without_body(call, server::RemoveBackendCommand{call.at("pool"), call.at("backend")});
}

void add_to_list(const Call& call) {
  command_if_read(call, read_access_change(call.path, call.request.body));
}
void take_from_list(const Call& call) {
  auto change = read_access_change(call.path, call.request.body);
  if (change) change->adds = false;
  command_if_read(call, std::move(change));
}

void set_log_level(const Call& call) { command_if_read(call, read_log_level(call.request.body)); }

void close_session(const Call& call) {
  const auto id = read_session_id(call.at("session"));
  if (!id) return call.reply.send(error_response(400, id.error().message()));
  command_without_body(call, server::CloseSessionCommand{*id});
}

struct Route {
  std::string_view method;
  std::string_view path;
  Asking asking;
  void (*handle)(const Call&);
};

constexpr Route kRoutes[] = {
    {"GET", "/", Asking::kEverybody, show_page},
    {"GET", "/dashboard/{file}", Asking::kEverybody, show_page_file},
    {"GET", "/metrics", Asking::kRead, show_metrics},
    {"GET", "/ready", Asking::kEverybody, show_ready},
    {"GET", "/v1/openapi.json", Asking::kRead, show_openapi},
    {"GET", "/v1/process", Asking::kRead, show_status<process_json>},
    {"GET", "/v1/processes", Asking::kRead, show_status<processes_json>},
    {"GET", "/v1/listeners", Asking::kRead, show_status<listeners_json>},
    {"GET", "/v1/listeners/{listener}", Asking::kRead, show_listener},
    {"POST", "/v1/listeners/{listener}/access/{side}", Asking::kChange, add_to_list},
    {"DELETE", "/v1/listeners/{listener}/access/{side}", Asking::kChange, take_from_list},
    {"GET", "/v1/pools", Asking::kRead, show_status<pools_json>},
    {"GET", "/v1/pools/{pool}", Asking::kRead, show_pool},
    {"POST", "/v1/pools/{pool}/backends", Asking::kChange, add_backend},
    {"GET", "/v1/pools/{pool}/backends/{backend}", Asking::kRead, show_backend},
    {"PATCH", "/v1/pools/{pool}/backends/{backend}", Asking::kChange, change_backend},
    {"DELETE", "/v1/pools/{pool}/backends/{backend}", Asking::kChange, remove_backend},
    {"GET", "/v1/sessions", Asking::kRead, show_sessions},
    {"GET", "/v1/sessions/{session}", Asking::kRead, show_session},
    {"DELETE", "/v1/sessions/{session}", Asking::kChange, close_session},
    {"GET", "/v1/clients", Asking::kRead, show_clients},
    {"GET", "/v1/refusals", Asking::kRead, show_status<refusals_json>},
    {"GET", "/v1/limits", Asking::kRead, show_status<limits_json>},
    {"GET", "/v1/configuration", Asking::kRead, show_configuration},
    {"PUT", "/v1/log/level", Asking::kChange, set_log_level},
    {"POST", "/v1/reload", Asking::kChange, reload},
    {"POST", "/v1/upgrade", Asking::kChange, upgrade},
    {"POST", "/v1/drain", Asking::kChange, drain},
};

// Those of the path, with what stands for the names in it.
struct Found {
  std::vector<const Route*> routes;
  Parameters names;
};

Found find(const std::string& path) {
  Found found;
  const auto segments = path_segments(path);
  if (!segments) return found;
  for (const Route& route : kRoutes) {
    auto names = match_path(route.path, *segments);
    if (!names) continue;
    found.names = *std::move(names);
    found.routes.push_back(&route);
  }
  return found;
}

HttpResponse no_such_path() {
  std::string text = "no such path; there are:";
  for (const Route& route : kRoutes) {
    if (route.method == "GET") text += " " + std::string(route.path);
  }
  return error_response(404, text);
}

HttpResponse no_such_method(const std::vector<const Route*>& routes) {
  std::string allowed;
  for (const Route* route : routes) {
    allowed += (allowed.empty() ? "" : ", ") + std::string(route->method);
    if (route->method == "GET") allowed += ", HEAD";
  }
  HttpResponse response = error_response(405, "this path takes " + allowed);
  response.headers.emplace_back("Allow", allowed);
  return response;
}

}  // namespace

void answer(HttpRequest&& request, const HttpReply& reply, const Behind& behind) {
  const Found found = find(request.path);
  const std::string_view method = request.method == "HEAD" ? std::string_view("GET") : request.method;
  const auto route = std::find_if(found.routes.begin(), found.routes.end(),
                                  [&](const Route* one) { return one->method == method; });
  // Who may not ask hears nothing of what there is.
  const Asking asking = route == found.routes.end() ? Asking::kRead : (*route)->asking;
  if (auto refused = refusal(request, asking, behind.rules())) return reply.send(*std::move(refused));
  if (found.routes.empty()) return reply.send(no_such_path());
  if (route == found.routes.end()) return reply.send(no_such_method(found.routes));
  auto query = query_parameters(request.query);
  if (!query) return reply.send(error_response(400, query.error().message()));
  (*route)->handle({request, found.names, *std::move(query), reply, behind});
}

std::vector<RouteName> route_names() {
  std::vector<RouteName> names;
  for (const Route& route : kRoutes) names.push_back({route.method, route.path});
  return names;
}

}  // namespace weir::admin
