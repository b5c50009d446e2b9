#include "admin/routes.h"

#include "admin/views.h"

namespace weir::admin {
namespace {

HttpResponse metrics(const server::StatusSource& source) {
  return {200, "text/plain; version=0.0.4; charset=utf-8", metrics_text(source.read_status()), ""};
}

HttpResponse backends(const server::StatusSource& source) {
  return {200, "application/json", backends_json(source.read_status()), ""};
}

HttpResponse refusals(const server::StatusSource& source) {
  return {200, "application/json", refusals_json(source.read_status()), ""};
}

HttpResponse ready(const server::StatusSource& source) {
  HttpResponse response;
  const bool draining = source.read_status().draining;
  response.status = draining ? 503 : 200;
  response.body = draining ? "draining\n" : "ready\n";
  return response;
}

struct RouteLine {
  std::string_view path;
  HttpResponse (*show)(const server::StatusSource&);
};

constexpr RouteLine kRoutes[] = {
    {"/metrics", metrics}, {"/v1/backends", backends}, {"/v1/refusals", refusals}, {"/ready", ready}};

}  // namespace

HttpResponse answer(const HttpRequest& request, const server::StatusSource& source) {
  for (const RouteLine& route : kRoutes) {
    if (route.path != request.path) continue;
    if (request.method == "GET" || request.method == "HEAD") return route.show(source);
    HttpResponse refused;
    refused.status = 405;
    refused.allow = "GET, HEAD";
    refused.body = "this path can only be read: use GET\n";
    return refused;
  }
  HttpResponse unknown;
  unknown.status = 404;
  unknown.body = "no such path; there are:\n";
  for (const RouteLine& route : kRoutes) unknown.body += "  " + std::string(route.path) + "\n";
  return unknown;
}

}  // namespace weir::admin
