#include "config/server_names.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/address.h"
#include "base/host_name.h"
#include "config/text.h"

namespace weir::config {
namespace {

constexpr std::size_t kMostName = 253;
constexpr std::string_view kAnyBelow = "*.";

enum class Meaning { kAddress, kHostName, kNeither };

Meaning meaning_of(std::string_view text) {
  if (base::parse_address(fmt::format("[{}]:1", text))) return Meaning::kAddress;
  const auto endpoint = base::parse_endpoint(fmt::format("{}:1", text));
  if (!endpoint) return Meaning::kNeither;
  return std::holds_alternative<base::Address>(*endpoint) ? Meaning::kAddress : Meaning::kHostName;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

constexpr std::string_view kBeyondAscii =
    "has letters beyond ASCII: write such a name as it is sent, \"xn--...\"";

std::string too_long() { return fmt::format("is longer than a host name may be, {} bytes", kMostName); }

// `name` is what stands behind a star at the beginning, or all of it.
std::string fault_of(std::string_view text, std::string_view name) {
  if (meaning_of(name) == Meaning::kAddress) return "is an address: clients ask for names only";
  if (text == "*") return "stands for every name: a route without server_names is for everybody";
  if (name.find('*') != std::string_view::npos) {
    return "has a star in the wrong place: it stands for whole names, and only at the beginning, as in "
           "\"*.example.org\"";
  }
  if (!is_ascii(text)) return std::string(kBeyondAscii);
  if (name.size() > kMostName) return too_long();
  return "is not a host name: expected one such as \"www.example.org\" or \"*.example.org\"";
}

std::string fault_of_host(std::string_view text) {
  if (meaning_of(text) == Meaning::kAddress) {
    return "is an address: only names are asked for in TLS; leave it empty for a certificate that is for the "
           "backend's address";
  }
  if (text.find('*') != std::string_view::npos) {
    return "stands for many names: write the one that is asked for";
  }
  if (!is_ascii(text)) return std::string(kBeyondAscii);
  if (text.size() > kMostName) return too_long();
  return "is not a host name: expected one such as \"www.example.org\"";
}

}  // namespace

Value<std::string> parse_server_name(std::string_view text) {
  const std::string whole = base::plain_host_name(text);
  std::string_view name = whole;
  if (name.starts_with(kAnyBelow)) name.remove_prefix(kAnyBelow.size());
  if (meaning_of(name) == Meaning::kHostName) return whole;
  return tl::unexpected(fmt::format("{} {}", quote(text), fault_of(text, name)));
}

Value<std::string> parse_host_name(std::string_view text) {
  std::string name = base::plain_host_name(text);
  if (meaning_of(name) == Meaning::kHostName) return name;
  return tl::unexpected(fmt::format("{} {}", quote(text), fault_of_host(text)));
}

}  // namespace weir::config
