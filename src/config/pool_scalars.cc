#include "config/pool_scalars.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "base/assert.h"
#include "base/units.h"
#include "config/text.h"

namespace weir::config {
namespace {

// What comes below is never the final answer (RFC 9110 section 15.2).
constexpr unsigned kLeastStatus = 200;
constexpr unsigned kMostStatus = 599;

// IPv6 customers usually have a /64, which is what counts as one client elsewhere too.
constexpr unsigned kUsualIpv6Bits = 64;

// Digits only, at most three.
bool parse_small(std::string_view text, unsigned& value) {
  const bool is_digits =
      !text.empty() && text.size() <= 3 && text.find_first_not_of("0123456789") == std::string_view::npos;
  return is_digits && std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc{};
}

bool parse_range(std::string_view text, StatusRange& range) {
  if (text.size() == 3 && text.substr(1) == "xx" && parse_small(text.substr(0, 1), range.first)) {
    range.first *= 100;
    range.last = range.first + 99;
    return true;
  }
  const std::size_t dash = text.find('-');
  if (!parse_small(text.substr(0, dash), range.first)) return false;
  range.last = range.first;
  return dash == std::string_view::npos || parse_small(text.substr(dash + 1), range.last);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Value<FateConfig> parse_fate(const Key& key, const Node& node) {
  static constexpr std::array<std::string_view, 3> kWords{"keep", "close", "drain"};
  constexpr std::string_view kDrain = "drain ";
  if (node.kind != Kind::kString) return tl::unexpected(mismatch(key, node));
  if (node.text == "keep") return FateConfig{};
  if (node.text == "close") return FateConfig{SessionFate::kClose, Millis{0}};
  if (node.text == "drain") {
    return tl::unexpected(mismatch(key, node) + "; say how long, \"keep\" is without an end");
  }
  if (!node.text.starts_with(kDrain)) {
    return tl::unexpected(mismatch(key, node) + did_you_mean(node.text, kWords));
  }
  const auto time = base::parse_duration(std::string_view(node.text).substr(kDrain.size()));
  const bool is_allowed = time && time->count() >= key.least && time->count() <= key.most;
  if (!is_allowed) return tl::unexpected(mismatch(key, node));
  return FateConfig{SessionFate::kDrain, *time};
}

Value<HashKeyConfig> parse_hash_key(const Key& key, const Node& node) {
  static constexpr std::array<std::string_view, 3> kWords{"client", "client_prefix/24", "server_name"};
  constexpr std::string_view kPrefix = "client_prefix/";
  constexpr HashKeyConfig kWhole;
  if (node.kind != Kind::kString) return tl::unexpected(mismatch(key, node));
  if (node.text == "client") return kWhole;
  if (node.text == "server_name") return HashKeyConfig{.by_server_name = true};
  if (!node.text.starts_with(kPrefix)) {
    return tl::unexpected(mismatch(key, node) + did_you_mean(node.text, kWords));
  }
  unsigned bits = 0;
  const bool is_number = parse_small(std::string_view(node.text).substr(kPrefix.size()), bits);
  if (!is_number || bits == 0 || bits > kWhole.ipv6_bits) return tl::unexpected(mismatch(key, node));
  if (bits <= kWhole.ipv4_bits) return HashKeyConfig{.ipv4_bits = bits, .ipv6_bits = kUsualIpv6Bits};
  return HashKeyConfig{.ipv4_bits = kWhole.ipv4_bits, .ipv6_bits = bits};
}

Value<StatusRange> parse_status(const Key& key, const Node& node) {
  WEIR_ASSERT(key.type == ValueType::kStatusList);
  StatusRange range{};
  bool is_status = node.kind == Kind::kString && parse_range(node.text, range);
  if (node.kind == Kind::kInteger && node.integer >= kLeastStatus && node.integer <= kMostStatus) {
    range.first = range.last = static_cast<unsigned>(node.integer);
    is_status = true;
  }
  if (!is_status || range.first < kLeastStatus || range.last > kMostStatus) {
    return tl::unexpected(mismatch(key, node));
  }
  if (range.first > range.last) {
    return tl::unexpected(fmt::format("the range of statuses {} runs backwards: write \"{}-{}\"",
                                      quote(node.text), range.last, range.first));
  }
  return range;
}

Value<std::string> parse_hex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == ' ') {
      ++i;
      continue;
    }
    const int high = hex_digit(text[i]);
    const int low = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
    if (high < 0 || low < 0) {
      return tl::unexpected(fmt::format(
          "found {}, where {} is no byte: with hex = true expected two hexadecimal digits for each "
          "byte, e.g. \"00 00 00 08\"",
          quote(text), quote(text.substr(i, 2))));
    }
    bytes += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return bytes;
}

}  // namespace weir::config
