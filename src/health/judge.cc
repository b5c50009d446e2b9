#include "health/judge.h"

#include "health/exchange_judge.h"
#include "health/http_judge.h"

namespace weir::health {

Conversation build_conversation(const Target& target) {
  struct Builder {
    const Target& target;
    Conversation operator()(const TcpCheck&) const { return {}; }
    Conversation operator()(const TlsCheck&) const { return {}; }
    Conversation operator()(const HttpCheck& check) const {
      return {build_http_request(check, target), std::make_unique<HttpJudge>(check), {"http/1.1"}};
    }
    Conversation operator()(const ExchangeCheck& check) const {
      return {check.send, std::make_unique<ExchangeJudge>(check)};
    }
  };
  return std::visit(Builder{target}, target.check->type);
}

std::string cut_reason(StreamEnd end, bool has_begun) {
  const std::string_view how =
      end == StreamEnd::kReset ? "the connection was reset" : "the connection was closed";
  return std::string(how) + (has_begun ? " within the answer" : " before an answer came") +
         (end == StreamEnd::kCut ? ", without close_notify" : "");
}

}  // namespace weir::health
