#include "server/listener_tls.h"

#include <fmt/format.h>

namespace weir::server {
namespace {

using config::Problems;

tls::ServerSettings settings_of(const config::TlsConfig& from) {
  tls::ServerSettings settings;
  for (const config::CertificateConfig& one : from.certificates) {
    settings.certificates.push_back({one.chain, one.key});
  }
  settings.min_version = from.min_version == config::TlsVersion::k13 ? tls::Version::k13 : tls::Version::k12;
  settings.alpn = from.alpn;
  settings.client_ca = from.client_ca.value;
  switch (from.client_verify) {
    case config::ClientVerify::kOff:
      settings.client_verify = tls::ClientVerify::kOff;
      break;
    case config::ClientVerify::kOptional:
      settings.client_verify = tls::ClientVerify::kOptional;
      break;
    case config::ClientVerify::kRequired:
      settings.client_verify = tls::ClientVerify::kRequired;
      break;
  }
  settings.client_verify_depth = from.client_verify_depth;
  settings.ciphers = from.ciphers;
  settings.groups = from.groups;
  settings.session_tickets = from.session_tickets;
  settings.ticket_key_file = from.ticket_key_file.value;
  for (const auto& file : from.ocsp_files) settings.ocsp_files.push_back(file.value);
  return settings;
}

// Adds texts about the TLS of a listener, each of which begins with the file that it is about.
class Told {
 public:
  Told(const config::ListenerConfig& listener, Problems& problems)
      : listener_(listener), problems_(problems) {}

  void error(const std::string& text) { config::add_error(problems_, listener_.tls->place, in_words(text)); }
  void warning(const std::string& text) {
    config::add_warning(problems_, listener_.tls->place, in_words(text));
  }

 private:
  std::string in_words(const std::string& text) const {
    return fmt::format("listeners.{}.tls: {}", listener_.name, text);
  }

  const config::ListenerConfig& listener_;
  Problems& problems_;
};

// Of its own; those of a file are read apart. Null with an error, or where there are no tickets.
std::shared_ptr<tls::TicketKeys> load_tickets(const config::TlsConfig& from, Told& told,
                                              const std::shared_ptr<tls::TicketKeys>& known = nullptr) {
  if (!from.session_tickets) return nullptr;
  if (from.ticket_key_file.value.empty()) return known != nullptr ? known : tls::TicketKeys::random();
  std::vector<std::string> warnings;
  auto keys = tls::TicketKeys::from_file(from.ticket_key_file.value, warnings);
  for (const std::string& text : warnings) told.warning(text);
  if (keys) return *keys;
  told.error(keys.error().message());
  return nullptr;
}

std::shared_ptr<const tls::ServerContexts> load_contexts(const config::TlsConfig& from,
                                                         std::shared_ptr<tls::TicketKeys> tickets,
                                                         Told& told) {
  tls::ServerSettings settings = settings_of(from);
  // Without keys that could be read there are other mistakes to tell of all the same.
  settings.session_tickets = tickets != nullptr;
  auto loaded = tls::ServerContexts::load(settings, std::move(tickets));
  for (const std::string& text : loaded.errors) told.error(text);
  for (const std::string& text : loaded.warnings) told.warning(text);
  return loaded.contexts;
}

// A client that asks for such a name would be shown another one's certificate.
void warn_of_uncovered_names(const config::ListenerConfig& listener, const tls::ServerContexts& contexts,
                             Problems& problems) {
  for (const config::RouteConfig& route : listener.routes) {
    if (route.mode != config::TlsMode::kTerminate) continue;
    for (const auto& name : route.server_names) {
      const bool is_wildcard = name.value.starts_with("*.");
      if (contexts.covers(is_wildcard ? "any" + name.value.substr(1) : name.value)) continue;
      config::add_warning(
          problems, name.place,
          fmt::format("listeners.{}.routes: no certificate is for \"{}\": clients that ask for "
                      "it are shown that of {}, and will not go on",
                      listener.name, name.value, listener.tls->certificates.front().chain));
    }
  }
}

}  // namespace

ListenerTls build_listener_tls(const config::ListenerConfig& listener, Problems& problems,
                               const std::shared_ptr<tls::TicketKeys>& known) {
  if (!listener.terminates()) return {};
  const config::TlsConfig& from = *listener.tls;
  Told told(listener, problems);
  ListenerTls built;
  built.tickets = load_tickets(from, told, known);
  auto contexts = load_contexts(from, built.tickets, told);
  if (contexts == nullptr || (from.session_tickets && built.tickets == nullptr)) return {};
  warn_of_uncovered_names(listener, *contexts, problems);
  built.termination = std::make_shared<session::TlsTermination>(
      std::make_shared<tls::LiveContexts>(std::move(contexts)), from.handshake_timeout, from.max_handshakes);
  return built;
}

std::vector<std::string> tls_files(const config::TlsConfig& from) {
  std::vector<std::string> files;
  for (const config::CertificateConfig& one : from.certificates) {
    files.push_back(one.chain);
    if (one.key != one.chain) files.push_back(one.key);
  }
  for (const std::string* file : {&from.client_ca.value, &from.ticket_key_file.value}) {
    if (!file->empty()) files.push_back(*file);
  }
  for (const auto& file : from.ocsp_files) files.push_back(file.value);
  return files;
}

ReloadedTls reload_listener_tls(const config::ListenerConfig& listener, const ListenerTls& live) {
  ReloadedTls fresh;
  Told told(listener, fresh.problems);
  if (!listener.tls->ticket_key_file.value.empty()) fresh.tickets = load_tickets(*listener.tls, told);
  auto contexts = load_contexts(*listener.tls, live.tickets, told);
  if (!config::has_error(fresh.problems)) fresh.contexts = std::move(contexts);
  return fresh;
}

void put_in_force(const ReloadedTls& fresh, const ListenerTls& live) {
  if (fresh.tickets != nullptr) live.tickets->replace(*fresh.tickets);
  live.termination->contexts->replace(fresh.contexts);
}

}  // namespace weir::server
