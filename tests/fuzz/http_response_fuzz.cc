// Any bytes as an HTTP response. Nothing may crash, no more may be kept than the bounds allow, and where the
// stream was cut into pieces must change nothing.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "wire/http_response.h"

namespace {

using weir::wire::HttpResponse;

// The pieces have `first` bytes, then one more each, so that cuts fall everywhere.
HttpResponse read_in_pieces(std::string_view stream, std::size_t first) {
  HttpResponse response;
  for (std::size_t size = first; !stream.empty(); ++size) {
    const std::string_view piece = stream.substr(0, size);
    stream.remove_prefix(piece.size());
    response.feed(piece);
  }
  return response;
}

void check_bounds(const HttpResponse& response) {
  WEIR_ASSERT(response.body().size() <= HttpResponse::kMaxBody);
  WEIR_ASSERT(response.status() == 0 || (response.status() >= 100 && response.status() <= 999));
  const bool is_broken = response.outcome() == HttpResponse::Outcome::kMalformed ||
                         response.outcome() == HttpResponse::Outcome::kTooLong;
  WEIR_ASSERT(response.fault().empty() != is_broken);
  WEIR_ASSERT(response.outcome() != HttpResponse::Outcome::kComplete || response.has_head());
  WEIR_ASSERT(!response.body_is_cut() || response.body().size() == HttpResponse::kMaxBody);
}

void check_alike(const HttpResponse& a, const HttpResponse& b) {
  WEIR_ASSERT(a.outcome() == b.outcome());
  WEIR_ASSERT(a.status() == b.status());
  WEIR_ASSERT(a.has_head() == b.has_head());
  WEIR_ASSERT(a.body() == b.body());
  WEIR_ASSERT(a.body_is_cut() == b.body_is_cut());
  WEIR_ASSERT(a.fault() == b.fault());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  HttpResponse whole;
  whole.feed(stream);
  check_bounds(whole);
  const std::size_t middle = std::max<std::size_t>(1, size / 3);
  for (const std::size_t first : {std::size_t{1}, std::size_t{7}, middle}) {
    HttpResponse pieces = read_in_pieces(stream, first);
    check_alike(whole, pieces);
    HttpResponse ended = whole;
    ended.end();
    pieces.end();
    check_bounds(ended);
    check_alike(ended, pieces);
    WEIR_ASSERT(ended.outcome() != HttpResponse::Outcome::kNeedsMore);
  }
  return 0;
}
