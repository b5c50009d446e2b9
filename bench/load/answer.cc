#include "load/answer.h"

#include <algorithm>
#include <charconv>

namespace weir::load {
namespace {

constexpr std::size_t kLongestHeader = 16 << 10;
constexpr std::string_view kEndOfHeader = "\r\n\r\n";
constexpr std::string_view kLength = "\r\ncontent-length:";

template <class Number>
bool read_number(std::string_view text, Number& number) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  return std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc();
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

Answer::Is Answer::take(std::string_view piece) {
  if (!is_reading_body_ && !is_faulty_) {
    const std::size_t before = header_.size();
    header_.append(piece);
    const std::size_t end = header_.find(kEndOfHeader, before < 3 ? 0 : before - 3);
    if (end == std::string::npos) {
      is_faulty_ = header_.size() > kLongestHeader;
      return is_faulty_ ? Is::kFaulty : Is::kPart;
    }
    piece.remove_prefix(end + kEndOfHeader.size() - before);
    header_.resize(end);
    is_faulty_ = !read_header();
    is_reading_body_ = true;
  }
  is_faulty_ = is_faulty_ || piece.size() > missing_;
  if (is_faulty_) return Is::kFaulty;
  missing_ -= piece.size();
  return missing_ == 0 ? Is::kWhole : Is::kPart;
}

Answer::Is Answer::skip(std::uint64_t bytes) {
  missing_ -= bytes;
  return missing_ == 0 ? Is::kWhole : Is::kPart;
}

void Answer::begin_anew() {
  header_.clear();
  is_reading_body_ = is_faulty_ = false;
}

bool Answer::read_header() {
  std::transform(header_.begin(), header_.end(), header_.begin(), lower);
  const std::string_view header = header_;
  const std::size_t length = header.find(kLength);
  return header.starts_with("http/1.1 ") && read_number(header.substr(9), status_) &&
         length != std::string_view::npos && read_number(header.substr(length + kLength.size()), missing_);
}

}  // namespace weir::load
