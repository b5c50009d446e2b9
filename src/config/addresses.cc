#include "config/addresses.h"

#include <fmt/format.h>

#include <charconv>

#include "config/limits.h"
#include "config/text.h"

namespace weir::config {
namespace {

// Longer than any host name with a port (253 + 6) and any unix path.
constexpr std::size_t kLongestAddress = 300;

tl::unexpected<std::string> refuse(std::string text) { return tl::unexpected(std::move(text)); }

// What is wrong with text that no parser should be shown.
std::string raw_fault(std::string_view text) {
  if (text.empty()) return "found an empty text, expected an address such as \"10.0.0.1:80\"";
  const bool is_usable = text.size() <= kLongestAddress && is_plain_text(text);
  if (is_usable && text.find("://") != std::string_view::npos) {
    return fmt::format("{} has a scheme: expected only the address, e.g. \"10.0.0.1:80\"", quote(text));
  }
  if (is_usable) return "";
  return fmt::format("{} is not an address: it has control characters or more than {} bytes", quote(text),
                     kLongestAddress);
}

bool is_multicast_or_broadcast(const base::Address& address) {
  if (address.family() == AF_INET6) return IN6_IS_ADDR_MULTICAST(&address.ipv6_host());
  const std::uint32_t ip = ntohl(address.ipv4_host().s_addr);
  return IN_MULTICAST(ip) || ip == INADDR_BROADCAST;
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// The mistakes of people who come from other servers.
std::string listen_advice(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const std::string_view port = colon == std::string_view::npos ? text : text.substr(colon + 1);
  const std::string_view host = colon == std::string_view::npos ? "" : text.substr(0, colon);
  if (text.starts_with('/')) return fmt::format("; for a unix socket write \"unix:{}\"", text);
  if (is_digits(port) && (host.empty() || host == "*")) {
    return fmt::format("; write \"0.0.0.0:{}\" for every IPv4 address of this machine, \"[::]:{}\" for IPv6",
                       port, port);
  }
  if (host == "localhost") return fmt::format("; write \"127.0.0.1:{}\" or \"[::1]:{}\"", port, port);
  if (colon == std::string_view::npos) return "; the port is missing";
  if (base::parse_endpoint(text)) return "; a listener needs an IP address of this machine, not a name";
  return "";
}

// _SERVICE._PROTO.NAME (RFC 2782).
bool is_service_name(std::string_view text) {
  const std::size_t service_end = text.find('.');
  if (!text.starts_with('_') || service_end < 2 || service_end == std::string_view::npos) return false;
  const std::string_view rest = text.substr(service_end + 1);
  const std::size_t protocol_end = rest.find('.');
  const bool has_labels = rest.starts_with('_') && protocol_end > 1 && protocol_end < rest.size() - 1;
  return has_labels && base::parse_endpoint(fmt::format("{}:0", text)).has_value();
}

std::string endpoint_advice(std::string_view text) {
  if (text.starts_with('/')) return fmt::format("; for a unix socket write \"unix:{}\"", text);
  if (is_service_name(text)) return "; for the name of a service write resolve = { use = \"srv\" }";
  if (text.find(':') == std::string_view::npos) return "; the port is missing";
  return "";
}

// The kernel refuses to bind these to a socket that takes IPv6 only.
std::string mapped_fault(const base::Address& address) {
  const base::Address plain = address.unmapped();
  if (plain == address) return "";
  return fmt::format("{} is an IPv4 address written as IPv6: write {}", quote(address.to_string()),
                     quote(plain.to_string()));
}

struct PortRange {
  std::uint16_t first;
  std::uint16_t last;
};

bool parse_range_port(std::string_view text, std::uint16_t& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return is_digits(text) && error == std::errc{} && end == text.data() + text.size() && port > 0;
}

Value<PortRange> parse_range(std::string_view text, std::string_view ports) {
  const std::size_t dash = ports.find('-');
  PortRange range{};
  if (!parse_range_port(ports.substr(0, dash), range.first) ||
      !parse_range_port(ports.substr(dash + 1), range.last)) {
    return refuse(
        fmt::format("{} is not a range of ports: expected FROM-TO with ports from 1 to 65535, e.g. "
                    "\"0.0.0.0:8000-8010\"",
                    quote(text)));
  }
  if (range.first > range.last) {
    return refuse(fmt::format("the range of ports in {} runs backwards: write {}-{}", quote(text), range.last,
                              range.first));
  }
  const std::size_t count = std::size_t{range.last} - range.first + 1;
  if (count > kMaxBindAddresses) {
    return refuse(fmt::format("the range of ports in {} holds {} ports, at most {} are allowed", quote(text),
                              count, kMaxBindAddresses));
  }
  return range;
}

Value<base::Address> parse_one(std::string_view text) {
  auto address = base::parse_address(text);
  if (!address) return refuse(address.error().message() + listen_advice(text));
  if (std::string fault = mapped_fault(*address); !fault.empty()) return refuse(std::move(fault));
  return *std::move(address);
}

}  // namespace

Value<std::vector<base::Address>> parse_listen_addresses(std::string_view text) {
  if (std::string fault = raw_fault(text); !fault.empty()) return refuse(std::move(fault));
  const std::size_t colon = text.rfind(':');
  const bool is_range = !text.starts_with("unix:") && colon != std::string_view::npos &&
                        text.find('-', colon) != std::string_view::npos;
  if (!is_range) {
    auto address = parse_one(text);
    if (!address) return refuse(std::move(address.error()));
    return std::vector<base::Address>{*std::move(address)};
  }
  const auto range = parse_range(text, text.substr(colon + 1));
  if (!range) return refuse(range.error());
  const auto first = parse_one(fmt::format("{}:{}", text.substr(0, colon), range->first));
  if (!first) return refuse(first.error());
  std::vector<base::Address> addresses;
  for (unsigned port = range->first; port <= range->last; ++port) {
    addresses.push_back(first->with_port(static_cast<std::uint16_t>(port)));
  }
  return addresses;
}

Value<base::Address> parse_admin_address(std::string_view text) {
  if (std::string fault = raw_fault(text); !fault.empty()) return refuse(std::move(fault));
  return parse_one(text);
}

bool is_far(const base::Address& address) { return !address.is_unix() && !address.is_loopback(); }

Value<base::Endpoint> parse_backend_address(std::string_view text) {
  if (std::string fault = raw_fault(text); !fault.empty()) return refuse(std::move(fault));
  auto endpoint = base::parse_endpoint(text);
  if (!endpoint) return refuse(endpoint.error().message() + endpoint_advice(text));
  const auto* address = std::get_if<base::Address>(&*endpoint);
  const auto* name = std::get_if<base::HostPort>(&*endpoint);
  if (address != nullptr && address->is_wildcard()) {
    return refuse(
        fmt::format("{} is no address that can be connected to: write the backend's own address, "
                    "\"127.0.0.1\" or \"[::1]\" for this machine",
                    quote(text)));
  }
  const bool is_port_zero = name != nullptr ? name->port == 0 : address->is_ip() && address->port() == 0;
  if (is_port_zero) {
    return refuse(fmt::format("{} has port 0: a backend needs the port on which it listens, from 1 to 65535",
                              quote(text)));
  }
  return *std::move(endpoint);
}

Value<base::Endpoint> parse_service_address(std::string_view text) {
  if (std::string fault = raw_fault(text); !fault.empty()) return refuse(std::move(fault));
  if (is_service_name(text)) return base::HostPort{std::string(text), 0};
  if (base::parse_address(text)) return parse_backend_address(text);
  const std::string_view name = text.substr(0, text.rfind(':'));
  const std::string advice =
      is_service_name(name) ? fmt::format("; write {}: the port comes from the answer", quote(name)) : "";
  return refuse(
      fmt::format("{} is not the name of a service, as use = \"srv\" needs it: expected "
                  "\"_SERVICE._PROTO.NAME\" without a port, e.g. \"_http._tcp.app.internal\"{}",
                  quote(text), advice));
}

Value<base::Address> parse_source_address(std::string_view text) {
  const auto wrong = [&](std::string_view advice) {
    return refuse(
        fmt::format("{} is not an address to connect from: expected an IP address of this host, e.g. "
                    "\"10.0.0.5\" or \"2001:db8::5\"{}",
                    quote(text), advice));
  };
  if (text.empty() || text.size() > kLongestAddress || !is_plain_text(text)) return wrong("");
  if (const auto with_port = base::parse_address(text); with_port && with_port->is_ip()) {
    return wrong(fmt::format("; write {}: the kernel chooses the port", quote(with_port->ip_to_string())));
  }
  const bool is_ipv6 = text.find(':') != std::string_view::npos;
  const auto address =
      base::parse_address(fmt::format("{}{}{}:0", is_ipv6 ? "[" : "", text, is_ipv6 ? "]" : ""));
  if (!address || !address->is_ip()) {
    const auto endpoint = base::parse_endpoint(fmt::format("{}:0", text));
    const bool is_name = endpoint && std::holds_alternative<base::HostPort>(*endpoint);
    return wrong(is_name ? "; names are not looked up here" : "");
  }
  if (address->is_wildcard()) {
    return wrong(", or an empty list for any address that the kernel likes");
  }
  if (is_multicast_or_broadcast(*address)) return wrong(", and this one is for many hosts");
  const base::Address plain = address->unmapped();
  if (!(plain == *address)) return wrong(fmt::format("; write {}", quote(plain.ip_to_string())));
  return *address;
}

Value<base::Address> parse_name_server(std::string_view text) {
  constexpr std::uint16_t kUsualPort = 53;  // RFC 1035 section 4.2
  const auto wrong = [&](std::string_view advice) {
    return refuse(
        fmt::format("{} is not the address of a name server: expected \"IP\", \"IPV4:PORT\" or "
                    "\"[IPV6]:PORT\"{}",
                    quote(text), advice));
  };
  if (text.empty() || text.size() > kLongestAddress || !is_plain_text(text)) return wrong("");
  auto address = base::parse_address(text);
  if (!address) {
    const bool is_ipv6 = text.find(':') != std::string_view::npos && !text.starts_with('[');
    address = base::parse_address(
        fmt::format("{}{}{}:{}", is_ipv6 ? "[" : "", text, is_ipv6 ? "]" : "", kUsualPort));
  }
  if (!address || !address->is_ip()) {
    const auto endpoint = base::parse_endpoint(fmt::format("{}:{}", text, kUsualPort));
    const bool is_name = endpoint && std::holds_alternative<base::HostPort>(*endpoint);
    return wrong(is_name ? "; a name cannot be looked up before there is a name server" : "");
  }
  if (address->is_wildcard()) return wrong(", and this one stands for every address of a host");
  if (address->port() == 0) return wrong(" with a port from 1 to 65535");
  return address->unmapped();
}

}  // namespace weir::config
