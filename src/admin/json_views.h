// What the door shows as JSON, made from values of the server's. Pure. The names of members are those of
// openapi.json, which a test holds against what a running Weir answers.
#pragma once

#include <string>
#include <vector>

#include "admin/json_text.h"
#include "config/settings.h"
#include "server/command.h"
#include "server/status.h"

namespace weir::admin {

Json process_json(const server::ProcessStatus& status);
// This one, and those before it that have sessions yet.
Json processes_json(const server::ProcessStatus& status);
Json listeners_json(const server::ProcessStatus& status);
Json limits_json(const server::ProcessStatus& status);
Json pools_json(const server::ProcessStatus& status);
// How many by listener and reason, and some of the last ones, the newest first.
Json refusals_json(const server::ProcessStatus& status);
Json configuration_json(const std::vector<config::Setting>& settings);
Json reload_json(const server::ReloadReport& report);
Json sessions_json(const session::SurveyFindings& findings, const session::SurveyRequest& request);
Json session_json(const session::SessionDetail& session);
Json clients_json(const session::SurveyFindings& findings);

}  // namespace weir::admin
