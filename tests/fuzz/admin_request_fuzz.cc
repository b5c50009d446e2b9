// Any bytes as a request at the admin door: the first line is its target, the second the headers
// that the guard reads, the rest a body. Nothing may crash or throw, what is wrong must be told in plain
// text, what was read keeps to its bounds, and whoever comes by TCP without the token changes nothing.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "admin/command_reading.h"
#include "admin/guard.h"
#include "admin/request_parts.h"
#include "base/assert.h"
#include "config/text.h"

namespace {

using weir::admin::Asking;
using weir::admin::GuardRules;
using weir::admin::HttpRequest;
using weir::admin::Parameters;
using weir::base::Result;

constexpr std::string_view kToken = "0123456789abcdef";

std::string_view take_line(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  const std::string_view line = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return line;
}

template <class Value>
void check_text(const Result<Value>& result) {
  if (result) return;
  WEIR_ASSERT(!result.error().message().empty());
  WEIR_ASSERT(weir::config::is_plain_text(result.error().message()));
}

void check_survey(const Result<weir::session::SurveyRequest>& request) {
  check_text(request);
  WEIR_ASSERT(!request || (request->limit >= 1 && request->limit <= 1'000));
}

void check_target(std::string_view target) {
  const std::string_view path = take_line(target, '?');
  if (const auto segments = weir::admin::path_segments(path)) {
    for (const std::string& one : *segments) {
      WEIR_ASSERT(!one.empty() && one.find('\0') == std::string::npos);
      check_text(weir::admin::read_session_id(one));
    }
    const auto names = weir::admin::match_path("/v1/pools/{pool}/backends/{backend}", *segments);
    WEIR_ASSERT(!names || (segments->size() == 5 && names->find("backend")->second == segments->back()));
  }
  const auto query = weir::admin::query_parameters(target);
  check_text(query);
  if (!query) return;
  check_survey(weir::admin::read_session_query(*query));
  check_survey(weir::admin::read_client_query(*query));
}

void check_body(std::string_view body) {
  const Parameters names{{"pool", "p"}, {"backend", "b"}, {"listener", "l"}, {"side", "deny"}};
  const auto change = weir::admin::read_backend_change(names, body);
  check_text(change);
  WEIR_ASSERT(!change || change->mode || change->weight);
  WEIR_ASSERT(!change || change->weight.value_or(0) <= 256);
  const auto added = weir::admin::read_added_backend(names, body);
  check_text(added);
  if (added) {
    WEIR_ASSERT(std::holds_alternative<weir::base::Address>(added->backend.address.value));
    WEIR_ASSERT(!added->backend.name.empty() && added->backend.weight <= 256);
  }
  const auto access = weir::admin::read_access_change(names, body);
  check_text(access);
  if (access) {
    const auto again = weir::base::parse_prefix(access->network.to_string());
    WEIR_ASSERT(again && again->prefix == access->network && !again->has_host_bits);
  }
  check_text(weir::admin::read_log_level(body));
  check_text(weir::admin::read_nothing(body));
}

void check_guard(std::string_view headers, std::string_view body) {
  HttpRequest request;
  for (std::string* one :
       {&request.host, &request.origin, &request.authorization, &request.content_type, &request.fetch_site}) {
    *one = take_line(headers, '\t');
  }
  request.body = body;
  for (const bool is_far : {false, true}) {
    for (const std::string_view token : {std::string_view(), kToken}) {
      const GuardRules rules{std::string(token), {"weir"}, is_far};
      for (const Asking asking : {Asking::kEverybody, Asking::kRead, Asking::kChange}) {
        const auto refused = weir::admin::refusal(request, asking, rules);
        if (refused) WEIR_ASSERT(nlohmann::json::accept(refused->body));
        const bool has_token = !token.empty() && request.authorization.ends_with(token);
        WEIR_ASSERT(refused || asking != Asking::kChange || has_token);
        WEIR_ASSERT(refused || asking == Asking::kEverybody || !is_far || has_token);
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view target = take_line(text, '\n');
  const std::string_view headers = take_line(text, '\n');
  check_target(target);
  check_body(text);
  check_guard(headers, text);
  return 0;
}
