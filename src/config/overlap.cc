#include "config/overlap.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

namespace weir::config {
namespace {

struct Taken {
  const Placed<base::Address>* address;
  bool v6only;
  std::string path;  // "listeners.web", "admin"
};

// Whether the kernel refuses to bind both (ip(7), ipv6(7)). Precondition: the ports are equal.
bool overlap(const Taken& a, const Taken& b) {
  const base::Address& one = a.address->value;
  const base::Address& other = b.address->value;
  if (one == other) return true;
  if (one.is_unix() || other.is_unix()) return false;
  if (one.family() == other.family()) return one.is_wildcard() || other.is_wildcard();
  const Taken& six = one.family() == AF_INET6 ? a : b;
  return six.address->value.is_wildcard() && !six.v6only;
}

class OverlapCheck {
 public:
  explicit OverlapCheck(Problems& problems) : problems_(problems) {}

  void take(const Taken& taken) {
    const base::Address& address = taken.address->value;
    if (address.is_ip() && address.port() == 0) return;
    auto& others = address.is_unix() ? by_path_[address.path()] : by_port_[address.port()];
    for (const Taken& other : others) {
      if (!overlap(taken, other)) continue;
      report(taken, other);
      return;
    }
    others.push_back(taken);
  }

 private:
  void report(const Taken& taken, const Taken& other) {
    const Place& place = taken.address->place;
    const auto key = [](const Place& p) { return std::tuple(p.file, p.line, p.column); };
    if (!reported_.insert(std::pair(key(place), key(other.address->place))).second) return;
    const std::string one = taken.address->value.to_string();
    const std::string two = other.address->value.to_string();
    const std::string clash = one == two ? "is already bound by" : fmt::format("overlaps {} of", two);
    add_error(problems_, place,
              fmt::format("{}.bind: {} {} {} ({}): each needs an address or a port of its own", taken.path,
                          one, clash, other.path, to_string(other.address->place)));
  }

  using PlaceKey = std::tuple<std::string, unsigned, unsigned>;

  Problems& problems_;
  std::map<std::uint16_t, std::vector<Taken>> by_port_;
  std::map<std::string, std::vector<Taken>> by_path_;
  std::set<std::pair<PlaceKey, PlaceKey>> reported_;
};

}  // namespace

void check_overlaps(const Config& config, Problems& problems) {
  OverlapCheck check(problems);
  for (const ListenerConfig& listener : config.listeners) {
    for (const Placed<base::Address>& address : listener.bind) {
      check.take({&address, listener.v6only, "listeners." + listener.name});
    }
  }
  if (config.admin.bind) check.take({&*config.admin.bind, true, "admin"});
}

}  // namespace weir::config
