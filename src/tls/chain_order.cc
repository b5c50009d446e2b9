#include "tls/chain_order.h"

#include <fmt/format.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "tls/x509_facts.h"

namespace weir::tls {
namespace {

using Order = std::vector<std::size_t>;  // positions, from 0

bool has_issued(const X509Ptr& issuer, const X509Ptr& subject) {
  return X509_check_issued(issuer.get(), subject.get()) == X509_V_OK;
}

std::size_t position_of_leaf(const std::vector<X509Ptr>& certificates, const EVP_PKEY* key) {
  const auto fits = [key](const X509Ptr& one) { return X509_check_private_key(one.get(), key) == 1; };
  return static_cast<std::size_t>(std::find_if(certificates.begin(), certificates.end(), fits) -
                                  certificates.begin());
}

// From `leaf` to those that have issued it, as far as they lead.
Order follow(const std::vector<X509Ptr>& certificates, std::size_t leaf) {
  Order order{leaf};
  for (bool found = true; found;) {
    found = false;
    for (std::size_t i = 0; i < certificates.size() && !found; ++i) {
      const bool is_used = std::find(order.begin(), order.end(), i) != order.end();
      found = !is_used && has_issued(certificates[i], certificates[order.back()]);
      if (found) order.push_back(i);
    }
  }
  return order;
}

std::string numbers_of(const Order& order) {
  std::string text;
  for (const std::size_t i : order) text += fmt::format("{}{}", text.empty() ? "" : ", ", i + 1);
  return text;
}

// Which one to look at, when `order` is not all of them.
std::string advice(const Order& order, std::size_t count) {
  if (order.size() == count) return fmt::format("this order would be right: {}", numbers_of(order));
  for (std::size_t i = 0; i < count; ++i) {
    if (std::find(order.begin(), order.end(), i) == order.end()) {
      return fmt::format(
          "no order would be right, since certificate {} has issued none that leads to the first", i + 1);
    }
  }
  return {};
}

}  // namespace

std::string chain_fault(const std::vector<X509Ptr>& certificates, const EVP_PKEY* key) {
  const std::size_t leaf = position_of_leaf(certificates, key);
  if (leaf == certificates.size()) return {};
  const Order right = follow(certificates, leaf);
  if (leaf != 0) {
    return fmt::format("the certificate that the key fits ({}) stands at place {} and must be the first; {}",
                       subject_text(certificates[leaf].get()), leaf + 1, advice(right, certificates.size()));
  }
  for (std::size_t i = 1; i < certificates.size(); ++i) {
    if (has_issued(certificates[i], certificates[i - 1])) continue;
    return fmt::format("certificate {} ({}) stands where the issuer of certificate {} must stand ({}); {}",
                       i + 1, subject_text(certificates[i].get()), i, issuer_text(certificates[i - 1].get()),
                       advice(right, certificates.size()));
  }
  return {};
}

}  // namespace weir::tls
