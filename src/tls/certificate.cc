#include "tls/certificate.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <iterator>

#include "tls/chain_order.h"
#include "tls/fault.h"
#include "tls/pem.h"

namespace weir::tls {
namespace {

constexpr std::chrono::days kSoon{14};

bool fits(const X509Ptr& certificate, const PrivateKeyPtr& key) {
  return X509_check_private_key(certificate.get(), key.get()) == 1;
}

base::Error mismatch(const CertificateFiles& files, const X509Ptr& leaf, const PrivateKeyPtr& key) {
  const KeyKind certified = key_kind(X509_get0_pubkey(leaf.get()));
  const KeyKind given = key_kind(key.get());
  const std::string kinds = certified == given
                                ? ""
                                : fmt::format(" (an {} key, and the certificate is for an {} key)",
                                              to_word(given), to_word(certified));
  return file_fault(
      files.key, fmt::format("the key does not fit the certificate in {} ({}){}; expected the key that the "
                             "certificate was requested with",
                             files.chain, subject_text(leaf.get()), kinds));
}

// The first of a file's certificates to end: without it peers do not find the way from the certificate
// itself.
struct FirstToEnd {
  std::string which;
  UtcTime not_after;
};

FirstToEnd first_to_end(const Certificate& certificate) {
  FirstToEnd first{fmt::format("the certificate ({})", certificate.subject),
                   not_after(certificate.leaf.get())};
  for (std::size_t i = 0; i < certificate.chain.size(); ++i) {
    const X509* one = certificate.chain[i].get();
    if (not_after(one) >= first.not_after) continue;
    first = {fmt::format("certificate {} in it ({})", i + 2, subject_text(one)), not_after(one)};
  }
  return first;
}

// What is wrong with the time of one of them; empty: nothing.
std::string time_fault(const std::vector<X509Ptr>& certificates) {
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    const X509* one = certificates[i].get();
    if (not_before(one) == UtcTime::min() || not_after(one) == UtcTime::min()) {
      return fmt::format("certificate {} in it ({}) does not say from when until when it is valid", i + 1,
                         subject_text(one));
    }
  }
  return {};
}

void warn_of_time(Certificate& certificate, const std::string& first_to_end, UtcTime now) {
  const auto warn_of = [&](std::string_view which, std::string_view what, UtcTime time) {
    certificate.warnings.push_back(
        fmt::format("{}: {} {} {}", certificate.files.chain, which, what, utc_text(time)));
  };
  const auto warn = [&](std::string_view what, UtcTime time) { warn_of(first_to_end, what, time); };
  if (now > certificate.not_after) return warn("has expired: it was valid until", certificate.not_after);
  if (now < certificate.not_before) {
    return warn_of(fmt::format("the certificate ({})", certificate.subject), "is not yet valid, only from",
                   certificate.not_before);
  }
  if (certificate.not_after - now < kSoon) {
    warn(fmt::format("has {} days left: it is valid until",
                     std::chrono::floor<std::chrono::days>(certificate.not_after - now).count()),
         certificate.not_after);
  }
}

void warn_of_names(Certificate& certificate, const std::vector<std::string>& ignored) {
  for (const std::string& name : ignored) {
    certificate.warnings.push_back(fmt::format(
        "{}: the certificate's name \"{}\" does not count: it is not a host name, with \"*.\" only in front",
        certificate.files.chain, name));
  }
}

void warn_of_chain(Certificate& certificate) {
  X509* leaf = certificate.leaf.get();
  if (!certificate.chain.empty() || X509_check_issued(leaf, leaf) == X509_V_OK) return;
  certificate.warnings.push_back(
      fmt::format("{}: there is only the certificate itself, issued by {}: peers that do not know the issuer "
                  "do not find the way to "
                  "their root; the issuer's certificate belongs after it",
                  certificate.files.chain, issuer_text(leaf)));
}

}  // namespace

base::Result<Certificate> load_certificate(const CertificateFiles& files, UtcTime now) {
  const auto chain_text = load_text(files.chain);
  if (!chain_text) return base::failure(chain_text.error());
  auto certificates = parse_certificates(chain_text->text(), files.chain);
  if (!certificates) return base::failure(certificates.error());
  const auto key_text = load_text(files.key);
  if (!key_text) return base::failure(key_text.error());
  auto key = parse_private_key(key_text->text(), files.key);
  if (!key) return base::failure(key.error());

  const bool fits_any = std::any_of(certificates->begin(), certificates->end(),
                                    [&](const X509Ptr& one) { return fits(one, *key); });
  if (!fits_any) {
    auto error = mismatch(files, certificates->front(), *key);
    static_cast<void>(take_error_text());
    return base::failure(std::move(error));
  }
  const std::string order = chain_fault(*certificates, key->get());
  static_cast<void>(take_error_text());  // of keys that did not fit
  if (!order.empty()) return base::failure(file_fault(files.chain, order));
  if (const std::string fault = time_fault(*certificates); !fault.empty()) {
    return base::failure(file_fault(files.chain, fault));
  }

  Certificate made;
  made.files = files;
  made.leaf = std::move(certificates->front());
  made.chain.assign(std::make_move_iterator(certificates->begin() + 1),
                    std::make_move_iterator(certificates->end()));
  made.key = std::move(*key);
  made.key_kind = key_kind(made.key.get());
  made.key_bits = EVP_PKEY_get_bits(made.key.get());
  if (made.key_kind == KeyKind::kOther) {
    return base::failure(
        file_fault(files.key, "a key of this kind is not served; expected RSA, ECDSA or Ed25519"));
  }
  made.subject = subject_text(made.leaf.get());
  made.not_before = not_before(made.leaf.get());
  const FirstToEnd end = first_to_end(made);
  made.not_after = end.not_after;
  ServerNames names = server_names(made.leaf.get());
  made.names = std::move(names.names);

  warn_of_time(made, end.which, now);
  if (std::string warning = mode_warning(files.key, key_text->mode()); !warning.empty())
    made.warnings.push_back(std::move(warning));
  warn_of_chain(made);
  warn_of_names(made, names.ignored);
  return made;
}

bool use_certificate(SSL_CTX* context, const Certificate& certificate) {
  STACK_OF(X509)* chain = sk_X509_new_null();
  bool is_done = chain != nullptr;
  for (const X509Ptr& one : certificate.chain) is_done = is_done && sk_X509_push(chain, one.get()) > 0;
  is_done = is_done &&
            SSL_CTX_use_cert_and_key(context, certificate.leaf.get(), certificate.key.get(), chain, 1) == 1;
  sk_X509_free(chain);
  return is_done;
}

}  // namespace weir::tls
