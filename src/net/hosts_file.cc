#include "net/hosts_file.h"

#include <arpa/inet.h>

#include <algorithm>
#include <fstream>

#include "base/host_name.h"

namespace weir::net {
namespace {

using base::Address;

// The next word of `line`, which is shortened by it; empty at its end.
std::string take_word(std::string_view& line) {
  constexpr std::string_view kBlank = " \t\r\v\f";
  line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlank));
  line.remove_prefix(word.size());
  return std::string(word);
}

std::optional<Address> parse_ip(const std::string& text) {
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return Address::ipv4(v4, 0);
  if (::inet_pton(AF_INET6, text.c_str(), &v6) == 1) return Address::ipv6(v6, 0).unmapped();
  return std::nullopt;
}

bool is_localhost(std::string_view name) { return name == "localhost" || name.ends_with(".localhost"); }

std::vector<Address> loopback_addresses() {
  return {Address::ipv4(in_addr{htonl(INADDR_LOOPBACK)}, 0), Address::ipv6(in6addr_loopback, 0)};
}

// Nothing when it cannot be opened.
std::optional<std::string> load_text(const std::string& path, std::size_t most) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text(most, '\0');
  file.read(text.data(), static_cast<std::streamsize>(most));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return text;
}

}  // namespace

std::unordered_map<std::string, std::vector<Address>> parse_hosts(std::string_view text) {
  std::unordered_map<std::string, std::vector<Address>> names;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line = line.substr(0, line.find('#'));
    const auto address = parse_ip(take_word(line));
    if (!address) continue;
    for (std::string name = take_word(line); !name.empty(); name = take_word(line)) {
      auto& addresses = names[base::plain_host_name(name)];
      if (std::find(addresses.begin(), addresses.end(), *address) == addresses.end())
        addresses.push_back(*address);
    }
  }
  return names;
}

std::optional<std::vector<Address>> HostsFile::find(std::string_view name, Families families) {
  const FileStamp stamp = FileStamp::of(path_);
  if (stamp_ != stamp) {
    const bool readable = stamp.size > 0;
    const auto most = std::min(static_cast<std::size_t>(readable ? stamp.size : 0), kMaxBytes);
    auto text = readable ? load_text(path_, most) : std::string();
    if (text && text->size() == kMaxBytes) text->resize(text->rfind('\n') + 1);  // npos + 1 is 0
    // One that is there and cannot be read now, since there is no descriptor left, is read the next time.
    if (text) {
      names_ = parse_hosts(*text);
      stamp_ = stamp;
    }
  }
  const std::string key = base::plain_host_name(name);
  const auto wanted = [&](std::vector<Address> addresses) {
    std::erase_if(addresses, [&](const Address& address) { return !families.want(address); });
    return addresses;
  };
  if (const auto found = names_.find(key); found != names_.end()) {
    auto addresses = wanted(found->second);
    if (!addresses.empty()) return addresses;
  }
  if (is_localhost(key)) return wanted(loopback_addresses());
  return std::nullopt;
}

}  // namespace weir::net
