#include "tls/authorities.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "tls/pem.h"

namespace weir::tls {
namespace {

// As OpenSSL chooses: what the environment says goes before what was compiled in.
std::string place_of(const char* variable, const char* usual) {
  const char* own = ::secure_getenv(variable);
  return own != nullptr ? own : usual;
}

// "5ad8a5d6.0", by which OpenSSL finds certificates in a folder (openssl-rehash(1)).
bool is_hashed(const std::string& name) {
  constexpr std::string_view kHexadecimal = "0123456789abcdef";
  constexpr std::string_view kDecimal = "0123456789";
  return name.size() > 9 && name[8] == '.' && name.find_first_not_of(kHexadecimal) == 8 &&
         name.find_first_not_of(kDecimal, 9) == std::string::npos;
}

bool has_hashed_files(const std::string& folder) {
  std::error_code ignored;
  for (std::filesystem::directory_iterator at(folder, ignored), end; !ignored && at != end;
       at.increment(ignored)) {
    if (is_hashed(at->path().filename().string())) return true;
  }
  return false;
}

}  // namespace

base::Result<std::vector<X509Ptr>> load_authorities(const std::string& file) {
  const auto text = load_text(file);
  if (!text) return base::failure(text.error());
  return parse_certificates(text->text(), file);
}

bool trust(SSL_CTX* context, const std::vector<X509Ptr>& authorities) {
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  return X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1 &&
         std::all_of(authorities.begin(), authorities.end(),
                     [store](const X509Ptr& one) { return X509_STORE_add_cert(store, one.get()) == 1; });
}

bool trust_system(SSL_CTX* context) { return SSL_CTX_set_default_verify_paths(context) == 1; }

std::string empty_system_places(SSL_CTX* context) {
  // The file has been read by now, folders are looked into when an authority is wanted.
  const STACK_OF(X509_OBJECT)* read = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context));
  if (sk_X509_OBJECT_num(read) > 0) return {};
  const std::string folders = place_of(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
  std::istringstream each(folders);
  for (std::string folder; std::getline(each, folder, ':');) {
    if (has_hashed_files(folder)) return {};
  }
  return fmt::format("the file {} and the folder {}",
                     place_of(X509_get_default_cert_file_env(), X509_get_default_cert_file()), folders);
}

}  // namespace weir::tls
