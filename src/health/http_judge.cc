#include "health/http_judge.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "health/excerpt.h"

namespace weir::health {
namespace {

constexpr std::size_t kShownBytes = 48;

using Outcome = wire::HttpResponse::Outcome;

std::string to_string(const std::vector<StatusPattern>& patterns) {
  std::string out;
  for (const StatusPattern pattern : patterns) {
    if (!out.empty()) out += ", ";
    out += to_string(pattern);
  }
  return out;
}

}  // namespace

std::string build_http_request(const HttpCheck& check, const Target& target) {
  const std::string own = !target.authority.empty()  ? target.authority
                          : target.address.is_unix() ? "localhost"
                                                     : target.address.to_string();
  return fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: weir-health\r\nAccept: */*\r\nConnection: close\r\n\r\n",
      check.path, check.host.empty() ? own : check.host);
}

Finding HttpJudge::on_bytes(std::string_view bytes) {
  // One more than is shown, so that it is known whether something was cut.
  beginning_ += bytes.substr(0, kShownBytes + 1 - beginning_.size());
  response_.feed(bytes);
  return find();
}

Finding HttpJudge::on_end(StreamEnd end) {
  // Neither a reset nor a cut is a proper end of a body that lasts until there.
  if (end == StreamEnd::kClosed && response_.end() == Outcome::kComplete) return find();
  return {Judgement::kFailed, cut_reason(end, has_begun())};
}

Finding HttpJudge::find() const {
  if (response_.outcome() == Outcome::kMalformed || response_.outcome() == Outcome::kTooLong) {
    return {Judgement::kFailed, fault_reason()};
  }
  if (!response_.has_head()) return {};
  if (!has_right_status()) {
    return {Judgement::kFailed,
            fmt::format("status {}, expected {}", response_.status(), to_string(check_.status))};
  }
  if (response_.outcome() != Outcome::kComplete) return {};
  if (response_.body().find(check_.body_contains) != std::string_view::npos) return {Judgement::kPassed, {}};
  if (!response_.body_is_cut()) {
    return {Judgement::kFailed, fmt::format("the body does not contain {}", excerpt(check_.body_contains))};
  }
  return {Judgement::kFailed, fmt::format("the first {} of the body do not contain {}",
                                          base::to_string(base::Bytes{wire::HttpResponse::kMaxBody}),
                                          excerpt(check_.body_contains))};
}

bool HttpJudge::has_right_status() const {
  return std::any_of(check_.status.begin(), check_.status.end(),
                     [&](StatusPattern pattern) { return pattern.contains(response_.status()); });
}

std::string HttpJudge::fault_reason() const {
  // What follows a good status line is not at the beginning: showing that would tell nothing.
  if (response_.status() != 0) return fmt::format("malformed answer: {}", response_.fault());
  return fmt::format("malformed answer: {}: {}", response_.fault(), excerpt(beginning_, kShownBytes));
}

}  // namespace weir::health
