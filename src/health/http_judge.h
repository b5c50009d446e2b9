// The judge of an HTTP check, and the request that it judges the answer of. A wrong status fails as soon as
// the head has come; a pass needs the whole answer, so that a backend that hangs in the middle of one does
// not pass.
#pragma once

#include "health/judge.h"
#include "wire/http_response.h"

namespace weir::health {

// RFC 9112 section 3, with "Connection: close". A unix socket without a host of its own is called localhost.
std::string build_http_request(const HttpCheck& check, const Target& target);

class HttpJudge final : public Judge {
 public:
  // `check` must outlive the judge.
  explicit HttpJudge(const HttpCheck& check) : check_(check) {}

  Finding on_bytes(std::string_view bytes) override;
  Finding on_end(StreamEnd end) override;
  bool has_begun() const override { return !beginning_.empty(); }

 private:
  Finding find() const;
  bool has_right_status() const;
  std::string fault_reason() const;

  const HttpCheck& check_;
  wire::HttpResponse response_;
  std::string beginning_;  // the first bytes, for a reason
};

}  // namespace weir::health
