#include "admin/guard.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/host_name.h"
#include "base/log_text.h"
#include "base/prefix.h"
#include "tls/same_secret.h"

namespace weir::admin {
namespace {

constexpr std::string_view kBearer = "bearer ";

std::string small(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

// Without the port, and an IPv6 address without its brackets; nothing where there is more than that.
std::optional<std::string> host_of(std::string_view authority) {
  std::string_view host = authority.substr(0, authority.find(':'));
  std::string_view rest = authority.substr(host.size());
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    host = authority.substr(1, end - 1);
    rest = authority.substr(end + 1);
  }
  if (!rest.empty() &&
      (rest[0] != ':' || rest.find_first_not_of("0123456789", 1) != std::string_view::npos)) {
    return std::nullopt;
  }
  return base::plain_host_name(host);
}

bool is_address(const std::string& host) {
  return host.find('/') == std::string::npos && base::parse_prefix(host).has_value();
}

bool is_own(std::string_view authority, const std::vector<std::string>& names) {
  const auto host = host_of(authority);
  return host && (*host == "localhost" || host->ends_with(".localhost") || is_address(*host) ||
                  std::find(names.begin(), names.end(), *host) != names.end());
}

bool is_same_origin(const HttpRequest& request) {
  const std::string origin = small(request.origin);
  const std::string host = small(request.host);
  return origin == "http://" + host || origin == "https://" + host;
}

bool has_token(const HttpRequest& request, const std::string& token) {
  if (!small(request.authorization.substr(0, kBearer.size())).starts_with(kBearer)) return false;
  const std::string_view given = std::string_view(request.authorization).substr(kBearer.size());
  return tls::is_same_secret(given, token);
}

bool is_json(std::string_view content_type) {
  const std::string type = small(content_type.substr(0, content_type.find(';')));
  return type == "application/json";
}

}  // namespace

HttpResponse error_response(int status, const std::string& text) {
  HttpResponse response;
  response.status = status;
  response.content_type = "application/json";
  const nlohmann::json body = {{"error", text}};
  response.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  return response;
}

std::optional<HttpResponse> refusal(const HttpRequest& request, Asking asking, const GuardRules& rules) {
  if (!request.host.empty() && !is_own(request.host, rules.hosts)) {
    return error_response(421, "the admin door does not answer to the host " +
                                   base::json_quoted(request.host) +
                                   ": ask for an address or localhost, or add its name to admin.hosts");
  }
  const bool is_of_a_stranger = (!request.origin.empty() && !is_same_origin(request)) ||
                                request.fetch_site == "cross-site" || request.fetch_site == "same-site";
  if (is_of_a_stranger && asking != Asking::kEverybody) {
    return error_response(403, "a page of another origin may not ask for this");
  }
  if (asking == Asking::kChange && !request.body.empty() && !is_json(request.content_type)) {
    return error_response(415, "the body must be JSON, with \"Content-Type: application/json\"");
  }
  const bool is_free =
      request.is_local || asking == Asking::kEverybody || (asking == Asking::kRead && !rules.is_far);
  if (is_free) return std::nullopt;
  if (rules.token.empty()) {
    return error_response(403,
                          "by TCP this door only shows: set admin.token_file, or bind it to a unix socket");
  }
  if (has_token(request, rules.token)) return std::nullopt;
  HttpResponse response =
      error_response(401, request.authorization.empty()
                              ? "this takes the token of admin.token_file: \"Authorization: Bearer TOKEN\""
                              : "this is not the token of admin.token_file");
  response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"weir\"");
  return response;
}

}  // namespace weir::admin
