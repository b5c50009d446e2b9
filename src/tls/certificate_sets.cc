#include "tls/certificate_sets.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace weir::tls {
namespace {

using Set = std::vector<std::size_t>;

// "*.b.example" of "a.b.example"; empty of a name with one label.
std::string wildcard_of(std::string_view name) {
  const std::size_t dot = name.find('.');
  return dot == std::string_view::npos ? std::string() : "*" + std::string(name.substr(dot));
}

class Sorter {
 public:
  explicit Sorter(const std::vector<Certificate>& certificates) : certificates_(certificates) {}

  CertificateSets sort() {
    for (std::size_t i = 0; i < certificates_.size(); ++i) take(i);
    fill_from_wildcards();
    // The first is the first of its kind for each of its names.
    const auto& names = certificates_.front().names;
    result_.fallback = position_of(names.empty() ? Set{0} : by_name_.at(names.front()));
    for (const auto& [name, set] : by_name_) result_.of_name.emplace(name, position_of(set));
    return std::move(result_);
  }

 private:
  // The one in `set` that has a key of the kind of certificate `i`.
  const std::size_t* same_kind(const Set& set, std::size_t i) const {
    const auto is_same = [&](std::size_t other) {
      return certificates_[other].key_kind == certificates_[i].key_kind;
    };
    const auto found = std::find_if(set.begin(), set.end(), is_same);
    return found == set.end() ? nullptr : &*found;
  }

  void take(std::size_t i) {
    const Certificate& certificate = certificates_[i];
    std::map<std::size_t, std::vector<std::string>> taken;  // by an earlier one: names
    for (const std::string& name : certificate.names) {
      Set& set = by_name_[name];
      if (const std::size_t* earlier = same_kind(set, i)) {
        taken[*earlier].push_back(name);
      } else {
        set.push_back(i);
      }
    }
    for (const auto& [earlier, names] : taken) warn_of_two(i, earlier, names);
    if (certificate.names.empty() && i != 0) {
      result_.warnings.push_back(
          fmt::format("{}: the certificate ({}) is for no host name, and so no client gets it",
                      certificate.files.chain, certificate.subject));
    }
  }

  void warn_of_two(std::size_t i, std::size_t earlier, const std::vector<std::string>& names) {
    const std::string more = names.size() > 1 ? fmt::format(" and {} more", names.size() - 1) : "";
    result_.warnings.push_back(fmt::format(
        "{}: not used for {}{}: {} has an {} key for that too and stands first", certificates_[i].files.chain,
        names.front(), more, certificates_[earlier].files.chain, to_word(certificates_[i].key_kind)));
  }

  void fill_from_wildcards() {
    for (auto& [name, set] : by_name_) {
      const auto wildcard = by_name_.find(wildcard_of(name));
      if (name.starts_with('*') || wildcard == by_name_.end()) continue;
      for (const std::size_t i : wildcard->second) {
        if (same_kind(set, i) == nullptr) set.push_back(i);
      }
    }
  }

  // Made when it is new.
  std::size_t position_of(Set set) {
    std::sort(set.begin(), set.end());
    const auto found = std::find(result_.sets.begin(), result_.sets.end(), set);
    if (found != result_.sets.end()) return static_cast<std::size_t>(found - result_.sets.begin());
    result_.sets.push_back(std::move(set));
    return result_.sets.size() - 1;
  }

  const std::vector<Certificate>& certificates_;
  std::map<std::string, Set> by_name_;
  CertificateSets result_;
};

}  // namespace

std::optional<std::size_t> CertificateSets::find(std::string_view name) const {
  for (const std::string& known : {std::string(name), wildcard_of(name)}) {
    if (const auto found = of_name.find(known); found != of_name.end()) return found->second;
  }
  return std::nullopt;
}

CertificateSets sort_by_names(const std::vector<Certificate>& certificates) {
  return Sorter(certificates).sort();
}

}  // namespace weir::tls
