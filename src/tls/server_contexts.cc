#include "tls/server_contexts.h"

#include <fmt/format.h>

#include <iterator>
#include <unordered_map>

#include "base/assert.h"
#include "tls/authorities.h"
#include "tls/certificate.h"
#include "tls/server_context.h"
#include "tls/staple.h"

namespace weir::tls {
namespace {

using Staples = std::unordered_map<std::size_t, Staple>;

void append(std::vector<std::string>& to, const std::vector<std::string>& texts) {
  to.insert(to.end(), texts.begin(), texts.end());
}

std::vector<Certificate> load_certificates(const ServerSettings& settings, ServerContexts::Loaded& loaded) {
  std::vector<Certificate> certificates;
  for (const CertificateFiles& files : settings.certificates) {
    auto certificate = load_certificate(files);
    if (!certificate) {
      loaded.errors.push_back(certificate.error().message());
      continue;
    }
    append(loaded.warnings, certificate->warnings);
    certificates.push_back(std::move(*certificate));
  }
  return certificates;
}

std::vector<X509Ptr> load_client_authorities(const ServerSettings& settings, ServerContexts::Loaded& loaded) {
  if (settings.client_verify == ClientVerify::kOff) return {};
  auto authorities = load_authorities(settings.client_ca);
  if (authorities) return std::move(*authorities);
  loaded.errors.push_back(authorities.error().message());
  return {};
}

// What is wrong with one is no reason to serve nothing, or an old certificate: clients do without.
Staples load_staples(const ServerSettings& settings, const std::vector<Certificate>& certificates,
                     ServerContexts::Loaded& loaded) {
  Staples staples;
  for (const std::string& file : settings.ocsp_files) {
    auto found = load_staple(file, certificates);
    if (!found) {
      loaded.warnings.push_back(found.error().message() + "; it is left out");
      continue;
    }
    append(loaded.warnings, found->warnings);
    if (!staples.emplace(found->certificate, std::move(found->staple)).second) {
      loaded.warnings.push_back(fmt::format("{}: not used: another OCSP response for {} stands before", file,
                                            certificates[found->certificate].files.chain));
    }
  }
  return staples;
}

std::vector<SslCtxPtr> make_contexts(const ServerParts& parts, const CertificateSets& sets,
                                     std::vector<std::string>& errors) {
  std::vector<SslCtxPtr> contexts;
  for (const auto& set : sets.sets) {
    contexts.push_back(make_server_context(parts, set, errors));
    // What is wrong with one is mostly wrong with all.
    if (!contexts.back()) return {};
  }
  return contexts;
}

std::vector<CertificateFact> facts_of(const std::vector<Certificate>& certificates, const Staples& staples) {
  std::vector<CertificateFact> facts;
  for (std::size_t i = 0; i < certificates.size(); ++i) {
    const auto staple = staples.find(i);
    facts.push_back(fact_of(certificates[i]));
    facts.back().has_staple = staple != staples.end() && staple->second.is_current(utc_now());
  }
  return facts;
}

}  // namespace

ServerContexts::Loaded ServerContexts::load(const ServerSettings& settings,
                                            std::shared_ptr<TicketKeys> keys) {
  WEIR_ASSERT(!settings.certificates.empty());
  Loaded loaded;
  const auto certificates = load_certificates(settings, loaded);
  const auto authorities = load_client_authorities(settings, loaded);
  // Which certificate a response is about can only be said when all are there.
  const bool are_all_there = certificates.size() == settings.certificates.size();
  const Staples staples = are_all_there ? load_staples(settings, certificates, loaded) : Staples();
  if (certificates.empty()) return loaded;

  CertificateSets sets = sort_by_names(certificates);
  const ServerParts parts{settings, certificates, authorities, staples,
                          settings.session_tickets ? std::move(keys) : nullptr};
  auto contexts = make_contexts(parts, sets, loaded.errors);
  append(loaded.warnings, sets.warnings);
  if (loaded.errors.empty()) {
    loaded.contexts.reset(
        new ServerContexts(std::move(sets), std::move(contexts), facts_of(certificates, staples)));
  }
  return loaded;
}

SSL_CTX* ServerContexts::for_name(std::string_view server_name) const {
  return contexts_[sets_.find(server_name).value_or(sets_.fallback)].get();
}

bool ServerContexts::covers(std::string_view name) const { return sets_.find(name).has_value(); }

}  // namespace weir::tls
