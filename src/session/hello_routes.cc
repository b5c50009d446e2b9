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
    const Choice choice{rule.alpn, rule.pool};
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

std::shared_ptr<pool::Pool> HelloRoutes::choose(const Choices& choices,
                                                const std::vector<std::string>& protocols) {
  for (const Choice& choice : choices) {
    if (choice.alpn.empty() || offers_one_of(choice.alpn, protocols)) return choice.pool;
  }
  return nullptr;
}

std::shared_ptr<pool::Pool> HelloRoutes::choose(const ByName& names, std::string_view name,
                                                const std::vector<std::string>& protocols) {
  const auto found = names.find(name);
  return found == names.end() ? nullptr : choose(found->second, protocols);
}

std::shared_ptr<pool::Pool> HelloRoutes::find(std::string_view server_name,
                                              const std::vector<std::string>& protocols) const {
  if (auto pool = choose(exact_, server_name, protocols)) return pool;
  // From 1 on: something must stand for the star.
  for (std::size_t dot = server_name.find('.', 1); dot != std::string_view::npos;
       dot = server_name.find('.', dot + 1)) {
    if (auto pool = choose(below_, server_name.substr(dot + 1), protocols)) return pool;
  }
  return choose(others_, protocols);
}

}  // namespace weir::session
