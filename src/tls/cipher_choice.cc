#include "tls/cipher_choice.h"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <string_view>

#include "tls/fault.h"
#include "tls/openssl_ptr.h"

namespace weir::tls {
namespace {

// AES first where both have it in hardware; a client that puts ChaCha20 first gets that
// (SSL_OP_PRIORITIZE_CHACHA).
constexpr const char* kDefaultCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kDefaultGroups = "X25519:prime256v1:secp384r1";

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : ":") + word;
  return all;
}

// OpenSSL passes over words that it does not know, and gives some signs a meaning of their own ("!", "@",
// "+"): so each is tried alone, on a context of its own, and has to be a plain word.
template <class Set>
bool is_known(const std::string& word, const Set& set) {
  const auto is_fit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  if (word.empty() || word.front() == '-' || !std::all_of(word.begin(), word.end(), is_fit)) return false;
  const SslCtxPtr scratch(SSL_CTX_new(TLS_server_method()));
  const bool known = scratch && set(scratch.get(), word.c_str());
  static_cast<void>(take_error_text());
  return known;
}

bool is_of_tls13(std::string_view word) { return word.starts_with("TLS_"); }

// Ciphers of 1.2 have names in the form of 1.3's too, which SSL_CTX_set_ciphersuites(3) takes and which then
// do nothing.
std::string openssl_name(const std::string& word) {
  const char* name = OPENSSL_cipher_name(word.c_str());
  return name == nullptr || name == word || name == std::string_view("(NONE)") ? "" : name;
}

std::string cipher_fault(const std::string& word) {
  if (is_of_tls13(word)) {
    if (const std::string name = openssl_name(word); !name.empty())
      return fmt::format("the cipher \"{}\" is one of TLS 1.2, which is called \"{}\" here", word, name);
    if (is_known(word, SSL_CTX_set_ciphersuites)) return {};
  } else if (is_known(word, SSL_CTX_set_cipher_list)) {
    return {};
  }
  return fmt::format("OpenSSL knows no cipher \"{}\"; `openssl ciphers -s -v` lists those that it knows",
                     word);
}

}  // namespace

std::vector<std::string> set_ciphers(SSL_CTX* context, const std::vector<std::string>& ciphers) {
  std::vector<std::string> faults;
  std::vector<std::string> of_tls13;
  std::vector<std::string> older;
  for (const std::string& word : ciphers) {
    if (std::string fault = cipher_fault(word); !fault.empty()) faults.push_back(std::move(fault));
    (is_of_tls13(word) ? of_tls13 : older).push_back(word);
  }
  if (!faults.empty()) return faults;
  const std::string list = older.empty() ? kDefaultCiphers : joined(older);
  if (SSL_CTX_set_cipher_list(context, list.c_str()) != 1) faults.push_back("ciphers: " + take_error_text());
  if (!of_tls13.empty() && SSL_CTX_set_ciphersuites(context, joined(of_tls13).c_str()) != 1)
    faults.push_back("ciphers of TLS 1.3: " + take_error_text());
  return faults;
}

std::vector<std::string> set_groups(SSL_CTX* context, const std::vector<std::string>& groups) {
  std::vector<std::string> faults;
  const auto set = [](SSL_CTX* to, const char* list) { return SSL_CTX_set1_groups_list(to, list) == 1; };
  for (const std::string& word : groups) {
    if (!is_known(word, set)) {
      faults.push_back(
          fmt::format("OpenSSL knows no group \"{}\"; expected one like \"X25519\" or \"prime256v1\"", word));
    }
  }
  if (!faults.empty()) return faults;
  const std::string list = groups.empty() ? kDefaultGroups : joined(groups);
  if (!set(context, list.c_str())) faults.push_back("groups: " + take_error_text());
  return faults;
}

}  // namespace weir::tls
