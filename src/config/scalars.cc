#include "config/scalars.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/assert.h"
#include "base/units.h"
#include "config/limits.h"
#include "config/text.h"

namespace weir::config {
namespace {

using Number = Value<std::optional<std::int64_t>>;

bool parse_integer(std::string_view text, int base, std::int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse_fraction(std::string_view text, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

// The mistakes that are common enough for a word of their own.
std::string advice(const Key& key, const Node& node) {
  std::int64_t value = 0;
  const bool is_quoted_number =
      node.kind == Kind::kString && !node.is_expanded && parse_integer(node.text, 10, value);
  if (key.type == ValueType::kCount && is_quoted_number) return "; write the number without quotes";
  double fraction = 0;
  const bool is_quoted_fraction =
      node.kind == Kind::kString && !node.is_expanded && parse_fraction(node.text, fraction);
  if (key.type == ValueType::kDecimal && is_quoted_fraction) return "; write the number without quotes";
  if (key.type == ValueType::kDuration && node.kind == Kind::kInteger) {
    return "; a duration is written with its unit and in quotes";
  }
  if (key.type == ValueType::kWord && node.kind == Kind::kFloat &&
      std::find(key.words.begin(), key.words.end(), node.text) != key.words.end()) {
    return "; write it in quotes";
  }
  if (key.type == ValueType::kCertificateList && node.kind == Kind::kTable) return "; put it in brackets";
  if (key.type == ValueType::kFlag && node.kind == Kind::kString && !node.is_expanded)
    return "; write it without quotes";
  if (key.type == ValueType::kFileMode && node.kind == Kind::kInteger) return "; write it in quotes";
  return "";
}

Number wrong(const Key& key, const Node& node) { return tl::unexpected(mismatch(key, node)); }

Number within_bounds(const Key& key, const Node& node, std::int64_t value) {
  const bool is_allowed = value >= key.least && value <= key.most && value % key.step == 0;
  return is_allowed ? Number(value) : wrong(key, node);
}

Number parse_count(const Key& key, const Node& node) {
  std::int64_t value = node.integer;
  const bool is_count = node.kind == Kind::kInteger || (node.kind == Kind::kString && node.is_expanded &&
                                                        parse_integer(node.text, 10, value));
  return is_count ? within_bounds(key, node, value) : wrong(key, node);
}

Number parse_duration(const Key& key, const Node& node) {
  if (node.kind != Kind::kString) return wrong(key, node);
  const auto duration = base::parse_duration(node.text);
  return duration ? within_bounds(key, node, duration->count()) : wrong(key, node);
}

Number parse_file_mode(const Key& key, const Node& node) {
  std::int64_t bits = 0;
  const bool is_mode = node.kind == Kind::kString && (node.text.size() == 3 || node.text.size() == 4) &&
                       node.text[0] != '-' && parse_integer(node.text, 8, bits);
  return is_mode ? within_bounds(key, node, bits) : wrong(key, node);
}

// `text` has quotes around it and no escapes.
Node string_node(std::string_view text) {
  Node node;
  node.kind = Kind::kString;
  node.text = text.substr(1, text.size() - 2);
  return node;
}

}  // namespace

std::string mismatch(const Key& key, const Node& node) {
  return fmt::format("found {}, expected {}{}", found(node), expected(key), advice(key, node));
}

Number parse_number(const Key& key, const Node& node) {
  const bool is_special = node.kind == Kind::kString && !key.special.empty() && node.text == key.special;
  if (is_special) return std::optional<std::int64_t>();
  if (key.type == ValueType::kCount) return parse_count(key, node);
  if (key.type == ValueType::kDuration) return parse_duration(key, node);
  WEIR_ASSERT(key.type == ValueType::kFileMode);
  return parse_file_mode(key, node);
}

Value<std::optional<double>> parse_decimal(const Key& key, const Node& node) {
  WEIR_ASSERT(key.type == ValueType::kDecimal);
  const bool is_special = node.kind == Kind::kString && !key.special.empty() && node.text == key.special;
  if (is_special) return std::optional<double>();
  auto value = static_cast<double>(node.integer);
  const bool is_written_out = node.kind == Kind::kFloat || (node.kind == Kind::kString && node.is_expanded);
  const bool is_number = is_written_out ? parse_fraction(node.text, value) : node.kind == Kind::kInteger;
  // A NaN is within no bounds.
  const bool is_allowed = is_number && value >= static_cast<double>(key.least) / 1000 &&
                          value <= static_cast<double>(key.most) / 1000;
  if (!is_allowed) return tl::unexpected(mismatch(key, node));
  return std::optional<double>(value);
}

Value<bool> parse_flag(const Key& key, const Node& node) {
  if (node.kind == Kind::kFlag) return node.is_true;
  const bool may_stand_for_flag = node.kind == Kind::kString && node.is_expanded;
  if (may_stand_for_flag && node.text == "true") return true;
  if (may_stand_for_flag && node.text == "false") return false;
  return tl::unexpected(mismatch(key, node));
}

Value<std::size_t> parse_word(const Key& key, const Node& node) {
  if (node.kind != Kind::kString) return tl::unexpected(mismatch(key, node));
  const auto at = std::find(key.words.begin(), key.words.end(), node.text);
  if (at != key.words.end()) return static_cast<std::size_t>(at - key.words.begin());
  return tl::unexpected(mismatch(key, node) + did_you_mean(node.text, key.words));
}

Value<std::string> parse_text(const Key& key, const Node& node) {
  if (node.kind != Kind::kString) return tl::unexpected(mismatch(key, node));
  if (node.text.size() > kMaxTextLength) {
    return tl::unexpected(
        fmt::format("found a text of {} bytes, at most {} are allowed", node.text.size(), kMaxTextLength));
  }
  if (key.type != ValueType::kBytes && !is_plain_text(node.text)) {
    return tl::unexpected(fmt::format("found {}, which has control characters in it", quote(node.text)));
  }
  const bool is_word = std::find(key.words.begin(), key.words.end(), node.text) != key.words.end();
  if (key.type == ValueType::kLogOutput && !is_word && !node.text.starts_with('/')) {
    return tl::unexpected(mismatch(key, node) + did_you_mean(node.text, key.words));
  }
  const std::string_view also = key.section == Section::kBackend ? "_-.:" : "_-.";
  if (key.type == ValueType::kName && !is_name(node.text, also)) {
    return tl::unexpected(mismatch(key, node));
  }
  return node.text;
}

Value<std::optional<base::Rate>> parse_rate(const Key& key, const Node& node) {
  if (node.kind == Kind::kString && !key.special.empty() && node.text == key.special) {
    return std::optional<base::Rate>();
  }
  // What is wrong with a rate is told with its text as it is: only what may be shown gets that far.
  const bool may_be_shown =
      node.kind == Kind::kString && node.text.size() <= kMaxTextLength && is_plain_text(node.text);
  if (!may_be_shown) return tl::unexpected(mismatch(key, node));
  const auto rate =
      key.type == ValueType::kRate ? base::parse_rate(node.text) : base::parse_byte_rate(node.text);
  if (!rate) return tl::unexpected(rate.error().message());
  return std::optional<base::Rate>(*rate);
}

Node default_node(const Key& key) {
  const std::string_view text = key.default_value;
  WEIR_ASSERT(!text.empty());
  Node node;
  if (text.front() == '"') {
    node = string_node(text);
  } else if (text == "true" || text == "false") {
    node.kind = Kind::kFlag;
    node.is_true = text == "true";
  } else if (text.front() == '[') {
    node.kind = Kind::kList;
    if (text != "[]") node.items.push_back(string_node(text.substr(1, text.size() - 2)));
  } else if (text.find('.') != std::string_view::npos) {
    node.kind = Kind::kFloat;
    double value = 0;
    WEIR_ASSERT(parse_fraction(text, value));
    node.text = fmt::format("{}", value);  // as the reader writes it
  } else {
    node.kind = Kind::kInteger;
    WEIR_ASSERT(parse_integer(text, 10, node.integer));
  }
  return node;
}

}  // namespace weir::config
