// Which path of the admin door shows what. Reading only.
#pragma once

#include "admin/http_server.h"
#include "server/status.h"

namespace weir::admin {

// GET /metrics, /v1/backends, /v1/refusals, /ready (503 while draining). 404 names the paths there are; other
// methods are 405.
HttpResponse answer(const HttpRequest& request, const server::StatusSource& source);

}  // namespace weir::admin
