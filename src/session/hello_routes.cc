#include "session/hello_routes.h"

#include <algorithm>

namespace weir::session {
namespace {

constexpr std::string_view kAnyBelow = "*.";

bool offers_one_of(const std::vector<std::string>& wanted, const std::vector<std::string>& offered) {
  return std::any_of(wanted.begin(), wanted.end(), [&](const std::string& protocol) {
    return std::find(offered.begin(), offered.end(), protocol) != offered.end();
  });
}

}  // namespace

HelloRoutes::HelloRoutes(const std::vector<Rule>& rules) {
  for (const Rule& rule : rules) {
    const Choice choice{rule.alpn, {rule.pool, rule.terminates}};
    for (const std::string& name : rule.server_names) {
      const bool is_wildcard = name.starts_with(kAnyBelow);
      Choices& choices = is_wildcard ? below_[name.substr(kAnyBelow.size())] : exact_[name];
      choices.push_back(choice);
    }
    if (rule.server_names.empty()) others_.push_back(choice);
  }
  for (auto& [name, choices] : exact_) sort(choices);
  for (auto& [name, choices] : below_) sort(choices);
  sort(others_);
}

void HelloRoutes::sort(Choices& choices) {
  std::stable_partition(choices.begin(), choices.end(),
                        [](const Choice& choice) { return !choice.alpn.empty(); });
}

HelloRoutes::Destination HelloRoutes::choose(const Choices& choices,
                                             const std::vector<std::string>& protocols) {
  for (const Choice& choice : choices) {
    if (choice.alpn.empty() || offers_one_of(choice.alpn, protocols)) return choice.to;
  }
  return {};
}

HelloRoutes::Destination HelloRoutes::choose(const ByName& names, std::string_view name,
                                             const std::vector<std::string>& protocols) {
  const auto found = names.find(name);
  return found == names.end() ? Destination() : choose(found->second, protocols);
}

HelloRoutes::Destination HelloRoutes::find(std::string_view server_name,
                                           const std::vector<std::string>& protocols) const {
  if (Destination to = choose(exact_, server_name, protocols); to.pool != nullptr) return to;
  // From 1 on: something must stand for the star.
  for (std::size_t dot = server_name.find('.', 1); dot != std::string_view::npos;
       dot = server_name.find('.', dot + 1)) {
    if (Destination to = choose(below_, server_name.substr(dot + 1), protocols); to.pool != nullptr) {
      return to;
    }
  }
  return choose(others_, protocols);
}

}  // namespace weir::session
