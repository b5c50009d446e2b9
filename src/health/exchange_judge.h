// The judge of an exchange check: passes as soon as the answer begins with what is expected, and fails at the
// first byte that differs.
#pragma once

#include "health/judge.h"

namespace weir::health {

class ExchangeJudge final : public Judge {
 public:
  // `check` must outlive the judge.
  explicit ExchangeJudge(const ExchangeCheck& check) : expected_(check.expect) {}

  Finding on_bytes(std::string_view bytes) override;
  Finding on_end(StreamEnd end) override { return {Judgement::kFailed, cut_reason(end, has_begun())}; }
  bool has_begun() const override { return !answer_.empty(); }

 private:
  const std::string& expected_;
  std::string answer_;  // not much more than is expected or shown
};

}  // namespace weir::health
