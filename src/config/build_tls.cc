#include "config/build_tls.h"

#include <fmt/format.h>

#include "config/build_certificate.h"
#include "config/build_route.h"
#include "config/tls_scalars.h"

namespace weir::config {
namespace {

// What clients are shown, and what they must show.
void check_clients(TableReader& reader, const TlsConfig& tls) {
  const bool has_ca = !tls.client_ca.value.empty();
  const bool verifies = tls.client_verify != ClientVerify::kOff;
  if (has_ca && !verifies) {
    reader.fail_at_key("client_ca",
                       "no client is asked for a certificate: write client_verify = \"required\" or "
                       "\"optional\", or remove this key");
  }
  if (verifies && !has_ca) {
    reader.fail_at_key("client_verify",
                       "nobody is named whose certificates are good: write client_ca = \"clients.pem\", or "
                       "client_verify = \"off\"");
  }
  if (tls.client_verify == ClientVerify::kRequired && tls.not_tls == Otherwise::kPool) {
    reader.fail_at_key("not_tls",
                       "with client_verify = \"required\" only clients with a certificate may come in, and "
                       "those without TLS have none: write not_tls = \"refuse\", or remove this key");
  }
  if (!verifies && tls.client_verify_depth != TlsConfig().client_verify_depth) {
    reader.warn_at_key("client_verify_depth", "it says nothing with client_verify = \"off\"");
  }
}

void check_tickets(TableReader& reader, const TlsConfig& tls) {
  if (tls.session_tickets || tls.ticket_key_file.value.empty()) return;
  reader.fail_at_key("ticket_key_file",
                     "with session_tickets = false there are no tickets, so nothing would use these keys: "
                     "remove one of the two");
}

TlsConfig build_tls(const Node& table, const std::string& path, Problems& problems) {
  TlsConfig out;
  out.place = table.place;
  TableReader reader(Section::kListenerTls, table, path, table.place, problems);
  reader.read_word("mode", out.mode);
  reader.read_word("no_route", out.no_route);
  reader.read_word("not_tls", out.not_tls);
  read_certificates(reader, path, out, problems);
  reader.read_word("min_version", out.min_version);
  read_alpn(reader, out.alpn);
  const std::size_t before_clients = problems.size();
  reader.read_path("client_ca", out.client_ca);
  reader.read_word("client_verify", out.client_verify);
  const bool are_clients_known = problems.size() == before_clients;
  reader.read_count("client_verify_depth", out.client_verify_depth);
  read_algorithms(reader, "ciphers", "a cipher suite", "ECDHE-ECDSA-AES128-GCM-SHA256", out.ciphers);
  read_algorithms(reader, "groups", "a group", "X25519", out.groups);
  reader.read_flag("session_tickets", out.session_tickets);
  reader.read_path("ticket_key_file", out.ticket_key_file);
  reader.read_paths("ocsp_files", out.ocsp_files);
  reader.read_duration("handshake_timeout", out.handshake_timeout);
  reader.read_count("max_handshakes", out.max_handshakes);
  reader.finish();
  if (are_clients_known) check_clients(reader, out);
  check_tickets(reader, out);
  return out;
}

// TLS that ends here needs a certificate.
void check_has_certificate(const Node& table, const std::string& path, Problems& problems) {
  const Entry* entry = table.find("certificates");
  // Another value than a list, and what is wrong with its items, is reported already.
  if (entry != nullptr && (entry->value.kind != Kind::kList || !entry->value.items.empty())) return;
  add_error(problems, entry == nullptr ? table.place : entry->value.place,
            fmt::format("{}.certificates: TLS that ends here needs at least one: write certificates = "
                        "[{{ chain = \"site.pem\", key = \"site.key\" }}]",
                        path));
}

// Keys of TLS that ends here say nothing where all of it passes through.
void check_needs_none(const Node& table, const std::string& path, Problems& problems) {
  for (const Entry& entry : table.entries) {
    const bool is_of_both = entry.key == "mode" || entry.key == "no_route" || entry.key == "not_tls";
    if (is_of_both || find_key(Section::kListenerTls, entry.key) == nullptr) continue;
    add_error(
        problems, entry.place,
        fmt::format("{}.{}: it is for TLS that ends here, and all of it passes through: it needs mode = "
                    "\"terminate\" here or in a route; else remove it",
                    path, entry.key));
  }
}

}  // namespace

void read_tls(TableReader& reader, const std::string& path, ListenerConfig& out, Problems& problems) {
  const Node* written = reader.written("tls");
  const Node& table = reader.nested("tls");
  const std::string tls_path = path + ".tls";
  const bool is_table = written != nullptr && written->kind == Kind::kTable;
  bool is_mode_known = is_table;
  if (is_table) {
    out.tls = build_tls(table, tls_path, problems);
    const Entry* mode = table.find("mode");
    is_mode_known = mode != nullptr && parse_word(*find_key(Section::kListenerTls, "mode"), mode->value);
  }
  if (!read_routes(reader, path, out, problems)) is_mode_known = false;
  if (!out.routes.empty() && written == nullptr) {
    reader.fail_at_key(
        "routes", fmt::format("clients are told apart by what they ask for in TLS, and this listener "
                              "does not look at it: add [{}] with mode = \"passthrough\" or \"terminate\"",
                              tls_path));
  }
  // What one mistake would only entail is not told beside it.
  if (!is_mode_known) return;
  if (out.terminates()) {
    check_has_certificate(table, tls_path, problems);
  } else {
    check_needs_none(table, tls_path, problems);
  }
}

}  // namespace weir::config
