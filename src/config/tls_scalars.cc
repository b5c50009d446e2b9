#include "config/tls_scalars.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/server_names.h"
#include "config/text.h"

namespace weir::config {
namespace {

constexpr std::size_t kMostAlpn = 255;  // RFC 7301 section 3.1

void add_once(TableReader& reader, std::string_view name, const Node& item, std::vector<std::string>& out) {
  if (std::find(out.begin(), out.end(), item.text) != out.end()) {
    return reader.fail(name, item.place, fmt::format("{} is there twice", quote(item.text)));
  }
  out.push_back(item.text);
}

}  // namespace

void read_alpn(TableReader& reader, std::vector<std::string>& out) {
  reader.each_text("alpn", [&](const Node& item) {
    if (item.text.empty() || item.text.size() > kMostAlpn || !is_plain_text(item.text)) {
      return reader.fail("alpn", item.place,
                         fmt::format("{} is not a protocol: expected 1 to {} characters, such as \"h2\" or "
                                     "\"http/1.1\"",
                                     quote(item.text), kMostAlpn));
    }
    add_once(reader, "alpn", item, out);
  });
}

void read_algorithms(TableReader& reader, std::string_view name, std::string_view meaning,
                     std::string_view example, std::vector<std::string>& out) {
  reader.each_text(name, [&](const Node& item) {
    if (!is_name(item.text, "_-")) {
      return reader.fail(name, item.place,
                         fmt::format("{} is not the name of {}: expected letters, digits, \"_\" and \"-\", "
                                     "such as {}, and each name in quotes of its own",
                                     quote(item.text), meaning, quote(example)));
    }
    add_once(reader, name, item, out);
  });
}

std::string read_server_name(TableReader& reader, std::string_view special) {
  Placed<std::string> text;
  reader.read_text("server_name", text);
  if (text.value.empty() || text.value == special) return text.value;
  auto name = parse_host_name(text.value);
  if (name) return *std::move(name);
  reader.fail("server_name", text.place, name.error());
  return "";
}

}  // namespace weir::config
