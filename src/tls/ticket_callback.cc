#include "tls/ticket_callback.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>

#include "base/clock.h"
#include "tls/ticket_keys.h"

namespace weir::tls {
namespace {

bool set_mac(EVP_MAC_CTX* mac, TicketKey& key) {
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

int seal(TicketKeys& keys, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
  auto key = keys.for_new_ticket(base::coarse_now());
  if (!key) return -1;
  std::copy(key->name.begin(), key->name.end(), name);
  const bool is_ready = RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1 &&
                        EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key->cipher.data(), iv) == 1 &&
                        set_mac(mac, *key);
  return is_ready ? 1 : -1;
}

int open(TicketKeys& keys, const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX* cipher,
         EVP_MAC_CTX* mac) {
  auto found = keys.find(std::span<const unsigned char, 16>(name, 16), base::coarse_now());
  if (!found) return 0;
  const bool is_ready =
      EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, found->key.cipher.data(), iv) == 1 &&
      set_mac(mac, found->key);
  if (!is_ready) return -1;
  return found->makes_tickets ? 1 : 2;
}

}  // namespace

int prepare_ticket(TicketKeys& keys, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                   EVP_MAC_CTX* mac, bool seals) {
  return seals ? seal(keys, name, iv, cipher, mac) : open(keys, name, iv, cipher, mac);
}

}  // namespace weir::tls
