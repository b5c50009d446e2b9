#include "wire/http_response.h"

#include <algorithm>

namespace weir::wire {
namespace {

constexpr std::string_view kVersion = "HTTP/1.";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// RFC 9110 section 5.6.2.
bool is_token_char(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || kMarks.find(c) != std::string_view::npos;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

bool is_word(std::string_view text, std::string_view lower_case) {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return lower(a) == b; });
}

// Takes the first element of a list with commas off `list`, without the blanks around it.
std::string_view take_element(std::string_view& list) {
  const std::size_t comma = list.find(',');
  const std::string_view element = trim(list.substr(0, comma));
  list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  return element;
}

// Nothing when it is no number, or one that no body has.
std::optional<std::uint64_t> parse_length(std::string_view text) {
  if (text.empty() || text.size() > 18 || !std::all_of(text.begin(), text.end(), is_digit))
    return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) value = value * 10 + static_cast<std::uint64_t>(c - '0');
  return value;
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  return lower(c) >= 'a' && lower(c) <= 'f' ? lower(c) - 'a' + 10 : -1;
}

}  // namespace

HttpResponse::Outcome HttpResponse::feed(std::string_view bytes) {
  while (outcome_ == Outcome::kNeedsMore && !bytes.empty()) {
    if (takes_lines()) {
      take_line_byte(bytes.front());
      bytes.remove_prefix(1);
    } else {
      take_body(bytes);
    }
  }
  return outcome_;
}

HttpResponse::Outcome HttpResponse::end() {
  if (outcome_ != Outcome::kNeedsMore) return outcome_;
  if (state_ == State::kToEnd) {
    complete();
  } else if (state_ == State::kStatusLine && head_bytes_ == 0) {
    malformed("the stream ended before an answer");
  } else {
    malformed(has_head() ? "the stream ended within the body" : "the stream ended within the head");
  }
  return outcome_;
}

bool HttpResponse::takes_lines() const {
  return state_ != State::kSized && state_ != State::kToEnd && state_ != State::kChunk;
}

// Byte by byte, so that an answer that cannot be one is known as such before its line ends, and at the same
// byte however the stream is cut.
void HttpResponse::take_line_byte(char c) {
  const bool is_framing = state_ == State::kChunkLine || state_ == State::kChunkEnd;
  if (is_framing && line_.size() >= kMaxChunkLine) return too_long("the line before a chunk is too long");
  if (!is_framing && ++head_bytes_ > kMaxHead) return too_long("the head is too long");
  if (c != '\n') {
    line_.push_back(c);
    const bool may_be_status = line_.size() > kVersion.size() || kVersion.substr(0, line_.size()) == line_;
    if (state_ == State::kStatusLine && !may_be_status) malformed("this is not HTTP/1");
    return;
  }
  // A recipient may take a single LF for the end of a line, RFC 9112 section 2.2.
  if (!line_.empty() && line_.back() == '\r') line_.pop_back();
  if (line_.find('\r') != std::string::npos || line_.find('\0') != std::string::npos) {
    return malformed("a control character is in the head");
  }
  on_line();
  line_.clear();
}

void HttpResponse::on_line() {
  switch (state_) {
    case State::kStatusLine:
      return on_status_line();
    case State::kFields:
      return on_field_line();
    case State::kChunkLine:
      return on_chunk_line();
    case State::kChunkEnd:
      if (!line_.empty()) return malformed("a chunk is longer than its size");
      state_ = State::kChunkLine;
      return;
    case State::kTrailer:
      if (line_.empty()) complete();
      return;
    case State::kSized:
    case State::kToEnd:
    case State::kChunk:
      return;
  }
}

// RFC 9112 section 4. The blank after the code is often left away when no phrase follows.
void HttpResponse::on_status_line() {
  constexpr std::size_t kCode = 9;  // "HTTP/1.1 "
  const std::string_view line = line_;
  const bool has_version = line.size() >= kCode + 3 && line.substr(0, kVersion.size()) == kVersion &&
                           is_digit(line[kCode - 2]) && line[kCode - 1] == ' ';
  if (!has_version) return malformed("the status line is broken");
  const std::string_view code = line.substr(kCode, 3);
  const bool ends = line.size() == kCode + 3 || line[kCode + 3] == ' ';
  if (!ends || !std::all_of(code.begin(), code.end(), is_digit) || code[0] == '0') {
    return malformed("the status code is not a number of three digits");
  }
  is_http_1_0_ = line[kCode - 2] == '0';
  status_ = (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
  state_ = State::kFields;
}

// RFC 9112 section 5. A line that begins with a blank continues the field before it.
void HttpResponse::on_field_line() {
  if (!line_.empty() && is_blank(line_[0])) {
    if (field_.empty()) return malformed("a header field begins with a blank");
    field_ += line_;
    return;
  }
  keep_field();
  if (outcome_ != Outcome::kNeedsMore) return;
  field_ = line_;
  if (line_.empty()) on_head_end();
}

void HttpResponse::keep_field() {
  if (field_.empty()) return;
  const std::string_view field = field_;
  const std::size_t colon = field.find(':');
  if (colon == std::string_view::npos) return malformed("a header field has no colon");
  // Blanks before the colon are taken away, as a proxy must, RFC 9112 section 5.1.
  const std::string_view name = trim(field.substr(0, colon));
  if (name.empty() || !std::all_of(name.begin(), name.end(), is_token_char)) {
    return malformed("a header field has no proper name");
  }
  const std::string_view value = trim(field.substr(colon + 1));
  if (is_word(name, "content-length")) return keep_content_length(value);
  if (!is_word(name, "transfer-encoding")) return;
  if (has_transfer_coding_) transfer_coding_ += ',';
  transfer_coding_ += value;
  has_transfer_coding_ = true;
}

// RFC 9112 section 6.3, rule 5: several are allowed when they say the same.
void HttpResponse::keep_content_length(std::string_view value) {
  do {
    const auto length = parse_length(take_element(value));
    if (!length) return malformed("Content-Length is not a number");
    if (content_length_ && *content_length_ != *length) return malformed("two different Content-Lengths");
    content_length_ = length;
  } while (!value.empty());
}

void HttpResponse::on_head_end() {
  const bool is_interim = status_ < 200 && status_ != 101;
  if (!is_interim) return begin_body();
  state_ = State::kStatusLine;
  status_ = 0;
  content_length_.reset();
  transfer_coding_.clear();
  has_transfer_coding_ = false;
}

// RFC 9112 section 6.3, for an answer to GET.
void HttpResponse::begin_body() {
  if (status_ == 101 || status_ == 204 || status_ == 304) {
    state_ = State::kSized;
    return complete();
  }
  if (has_transfer_coding_) return begin_coded_body();
  if (!content_length_) {
    state_ = State::kToEnd;
    return;
  }
  state_ = State::kSized;
  left_ = *content_length_;
  if (left_ == 0) complete();
}

void HttpResponse::begin_coded_body() {
  // HTTP/1.0 knows no transfer codings: who sends one has framed something else, RFC 9112 section 6.1.
  if (is_http_1_0_) return malformed("HTTP/1.0 with a Transfer-Encoding");
  state_ = State::kToEnd;
  bool is_chunked = false;
  for (std::string_view list = transfer_coding_; !list.empty();) {
    const bool names_chunked = is_word(take_element(list), "chunked");
    if (names_chunked && is_chunked) return malformed("chunked twice");
    is_chunked = names_chunked;
  }
  if (is_chunked) state_ = State::kChunkLine;
}

// RFC 9112 section 7.1; extensions are passed over.
void HttpResponse::on_chunk_line() {
  constexpr std::size_t kMostDigits = 15;
  std::size_t digits = 0;
  std::uint64_t size = 0;
  while (digits < line_.size() && hex_value(line_[digits]) >= 0) {
    if (digits == kMostDigits) return malformed("a chunk's size is too large");
    size = size * 16 + static_cast<std::uint64_t>(hex_value(line_[digits]));
    ++digits;
  }
  const std::string_view rest = trim(std::string_view(line_).substr(digits));
  if (digits == 0 || (!rest.empty() && rest[0] != ';')) return malformed("a chunk's size is not a number");
  left_ = size;
  state_ = size == 0 ? State::kTrailer : State::kChunk;
}

void HttpResponse::take_body(std::string_view& bytes) {
  if (state_ == State::kToEnd) {
    append(bytes);
    bytes = {};
    return;
  }
  const std::string_view part =
      bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
  bytes.remove_prefix(part.size());
  left_ -= part.size();
  append(part);
  if (left_ > 0 || outcome_ != Outcome::kNeedsMore) return;
  if (state_ == State::kSized) return complete();
  state_ = State::kChunkEnd;
}

void HttpResponse::append(std::string_view bytes) {
  const std::size_t room = kMaxBody - body_.size();
  body_ += bytes.substr(0, room);
  if (bytes.size() <= room) return;
  body_is_cut_ = true;
  complete();
}

void HttpResponse::malformed(std::string_view fault) {
  outcome_ = Outcome::kMalformed;
  fault_ = fault;
}

void HttpResponse::too_long(std::string_view fault) {
  outcome_ = Outcome::kTooLong;
  fault_ = fault;
}

}  // namespace weir::wire
