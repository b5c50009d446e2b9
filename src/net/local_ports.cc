#include "net/local_ports.h"

#include <bitset>
#include <charconv>
#include <fstream>
#include <iterator>

namespace weir::net {
namespace {

constexpr unsigned kPorts = 65536;

// Takes a port off the beginning of `text`.
std::optional<unsigned> take_port(std::string_view& text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || port >= kPorts) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return port;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

std::string_view without_blanks_around(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\n";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::optional<LocalPorts> parse_range(std::string_view text) {
  text = without_blanks_around(text);
  const auto first = take_port(text);
  const std::size_t gap = text.size();
  text = without_blanks_around(text);
  if (!first || text.size() == gap) return std::nullopt;
  const auto last = take_port(text);
  if (!last || !text.empty() || *first == 0 || *last < *first) return std::nullopt;
  return LocalPorts{*first, *last, 0};
}

// How many of the ports of `range` the list names.
std::optional<unsigned> parse_reserved(std::string_view text, const LocalPorts& range) {
  text = without_blanks_around(text);
  if (text.empty()) return 0;
  std::bitset<kPorts> named;
  do {
    const auto first = take_port(text);
    if (!first) return std::nullopt;
    const auto last = take(text, '-') ? take_port(text) : first;
    if (!last || *last < *first) return std::nullopt;
    for (unsigned port = *first; port <= *last; ++port) {
      if (range.spans(port)) named.set(port);
    }
  } while (take(text, ','));
  if (!text.empty()) return std::nullopt;
  return static_cast<unsigned>(named.count());
}

std::optional<std::string> load_text(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

std::optional<LocalPorts> parse_local_ports(std::string_view range, std::string_view reserved) {
  auto ports = parse_range(range);
  if (!ports) return std::nullopt;
  const auto count = parse_reserved(reserved, *ports);
  if (!count) return std::nullopt;
  ports->reserved = *count;
  return ports;
}

std::optional<LocalPorts> load_local_ports(const std::string& folder) {
  const auto range = load_text(folder + "/ipv4/ip_local_port_range");
  const auto reserved = load_text(folder + "/ipv4/ip_local_reserved_ports");
  return range ? parse_local_ports(*range, reserved.value_or("")) : std::nullopt;
}

}  // namespace weir::net
