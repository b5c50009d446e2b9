#include "tls/staple.h"

#include <fmt/format.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include <optional>

#include "tls/fault.h"
#include "tls/pem.h"

namespace weir::tls {
namespace {

using ResponsePtr = std::unique_ptr<OCSP_RESPONSE, Free<OCSP_RESPONSE_free>>;
using BasicPtr = std::unique_ptr<OCSP_BASICRESP, Free<OCSP_BASICRESP_free>>;
using CertIdPtr = std::unique_ptr<OCSP_CERTID, Free<OCSP_CERTID_free>>;
using StorePtr = std::unique_ptr<X509_STORE, Free<X509_STORE_free>>;

// All bytes must be of it.
ResponsePtr parse(std::string_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* end = at + der.size();
  ResponsePtr response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
  if (at != end) response.reset();
  static_cast<void>(take_error_text());
  return response;
}

// None where the file has only the certificate, issued by another.
X509* issuer_of(const Certificate& certificate) {
  if (!certificate.chain.empty()) return certificate.chain.front().get();
  X509* leaf = certificate.leaf.get();
  return X509_check_issued(leaf, leaf) == X509_V_OK ? leaf : nullptr;
}

// The names of certificates in responses are hashes, by an algorithm of the responder's choice.
bool is_about(const OCSP_SINGLERESP* single, X509* leaf, X509* issuer) {
  const CertIdPtr id(OCSP_CERTID_dup(OCSP_SINGLERESP_get0_id(single)));
  ASN1_OBJECT* algorithm = nullptr;
  if (!id || OCSP_id_get0_info(nullptr, &algorithm, nullptr, nullptr, id.get()) != 1) return false;
  const EVP_MD* digest = EVP_get_digestbyobj(algorithm);
  if (digest == nullptr) return false;
  const CertIdPtr wanted(OCSP_cert_to_id(digest, leaf, issuer));
  return wanted && OCSP_id_cmp(id.get(), wanted.get()) == 0;
}

struct Match {
  std::size_t certificate;
  OCSP_SINGLERESP* single;
  X509* issuer;
};

std::optional<Match> find(OCSP_BASICRESP* basic, const std::vector<Certificate>& certificates) {
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    X509* issuer = issuer_of(certificates[i]);
    for (int k = 0; issuer != nullptr && k < OCSP_resp_count(basic); ++k) {
      OCSP_SINGLERESP* single = OCSP_resp_get0(basic, k);
      if (is_about(single, certificates[i].leaf.get(), issuer)) return Match{i, single, issuer};
    }
  }
  return std::nullopt;
}

base::Error no_match(const std::string& file, const std::vector<Certificate>& certificates) {
  std::string without;
  for (const Certificate& one : certificates) {
    if (issuer_of(one) == nullptr) without += (without.empty() ? "" : ", ") + one.files.chain;
  }
  const std::string hint =
      without.empty() ? ""
                      : fmt::format(
                            "; that takes the issuer's certificate, which is missing in {}: add it after the "
                            "certificate itself",
                            without);
  return file_fault(file, "the OCSP response is about none of the certificates" + hint);
}

bool is_signed_for(OCSP_BASICRESP* basic, X509* issuer) {
  const StorePtr store(X509_STORE_new());
  STACK_OF(X509)* known = sk_X509_new_null();
  const bool is_ready = store && known != nullptr && sk_X509_push(known, issuer) > 0 &&
                        X509_STORE_add_cert(store.get(), issuer) == 1;
  const bool is_signed = is_ready && OCSP_basic_verify(basic, known, store.get(), OCSP_PARTIAL_CHAIN) == 1;
  sk_X509_free(known);
  return is_signed;
}

void take_status(StapleFile& found, const std::string& file, OCSP_SINGLERESP* single, UtcTime now) {
  ASN1_GENERALIZEDTIME* from = nullptr;
  ASN1_GENERALIZEDTIME* until = nullptr;
  Staple& staple = found.staple;
  const int status = OCSP_single_get0_status(single, nullptr, nullptr, &from, &until);
  if (from != nullptr) staple.this_update = utc_of(from);
  if (until != nullptr) staple.next_update = utc_of(until);
  if (status != V_OCSP_CERTSTATUS_GOOD) {
    found.warnings.push_back(
        fmt::format("{}: the OCSP response says of the certificate: {}; clients will refuse it", file,
                    OCSP_cert_status_str(status)));
  }
  if (now > staple.next_update) {
    found.warnings.push_back(
        fmt::format("{}: the OCSP response counted until {} and is not sent: get a newer one", file,
                    utc_text(staple.next_update)));
  }
  if (now < staple.this_update) {
    found.warnings.push_back(
        fmt::format("{}: the OCSP response counts only from {} and is not sent until then", file,
                    utc_text(staple.this_update)));
  }
}

}  // namespace

base::Result<StapleFile> load_staple(const std::string& file, const std::vector<Certificate>& certificates,
                                     UtcTime now) {
  const auto loaded = load_text(file);
  if (!loaded) return base::failure(loaded.error());
  if (loaded->text().empty())
    return base::failure(file_fault(file, "is empty; `openssl ocsp -respout` writes an OCSP response"));
  const ResponsePtr response = parse(loaded->text());
  if (!response) {
    return base::failure(
        file_fault(file, "is not an OCSP response in DER form; `openssl ocsp -respout` writes one"));
  }
  if (const int status = OCSP_response_status(response.get()); status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return base::failure(
        file_fault(file, fmt::format("the responder has refused to answer ({}): get another response",
                                     OCSP_response_status_str(status))));
  }
  const BasicPtr basic(OCSP_response_get1_basic(response.get()));
  if (!basic)
    return base::failure(file_fault(file, "the OCSP response cannot be read: " + take_error_text()));
  const auto match = find(basic.get(), certificates);
  if (!match) return base::failure(no_match(file, certificates));
  if (!is_signed_for(basic.get(), match->issuer)) {
    return base::failure(
        file_fault(file, fmt::format("the OCSP response was not signed for the issuer of {} ({})",
                                     certificates[match->certificate].files.chain, take_error_text())));
  }
  StapleFile found;
  found.certificate = match->certificate;
  found.staple.der = loaded->text();
  take_status(found, file, match->single, now);
  return found;
}

}  // namespace weir::tls
