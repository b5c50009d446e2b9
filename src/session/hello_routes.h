// Where a client goes, by what its ClientHello asks for: a name, and protocols. Immutable, so any
// thread may ask. An exact name goes before a wildcard, a longer wildcard before a shorter one, and rules
// without names come last; of several rules for one name those that ask for a protocol are looked at first,
// in their order. A rule that is for other protocols does not end the search.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pool/pool.h"

namespace weir::session {

class HelloRoutes {
 public:
  struct Rule {
    // In small letters, without a last dot: "a.example", or "*.b.example" for every name below that one.
    // None: any name, and clients without one.
    std::vector<std::string> server_names{};
    std::vector<std::string> alpn{};  // one of these must be offered; none: whatever is
    std::shared_ptr<pool::Pool> pool;
    bool terminates = false;  // its TLS ends here
  };

  struct Destination {
    std::shared_ptr<pool::Pool> pool;  // null: no rule is for the client
    bool terminates = false;
  };

  HelloRoutes() = default;
  explicit HelloRoutes(const std::vector<Rule>& rules);

  // `server_name` as `wire::ClientHello` gives it; empty: it asks for none.
  Destination find(std::string_view server_name, const std::vector<std::string>& protocols) const;

 private:
  struct Choice {
    std::vector<std::string> alpn;
    Destination to;
  };
  using Choices = std::vector<Choice>;
  using ByName = std::map<std::string, Choices, std::less<>>;

  static void sort(Choices& choices);
  static Destination choose(const Choices& choices, const std::vector<std::string>& protocols);
  static Destination choose(const ByName& names, std::string_view name,
                            const std::vector<std::string>& protocols);

  ByName exact_;
  ByName below_;  // wildcards, without the star and the dot
  Choices others_;
};

}  // namespace weir::session
