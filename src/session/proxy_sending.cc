#include "session/proxy_sending.h"

#include "session/session_id.h"
#include "wire/proxy_write.h"

namespace weir::session {
namespace {

wire::ProxyTlvs tlvs_of(const pool::ProxySending& how, const Introduction& known,
                        std::string_view unique_id) {
  wire::ProxyTlvs tlvs;
  if (how.authority) tlvs.authority = known.server_name;
  if (how.alpn) tlvs.alpn = known.alpn;
  if (how.unique_id) tlvs.unique_id = unique_id;
  if (how.ssl) tlvs.ssl = known.ssl;
  tlvs.crc32c = how.crc32c;
  return tlvs;
}

}  // namespace

void describe_tls(Introduction& client, const tls::Facts& facts) {
  client.alpn = facts.alpn;
  client.ssl = wire::proxy_ssl({.has_certificate = facts.has_peer_certificate,
                                .is_resumed = facts.resumed,
                                .version = facts.version,
                                .common_name = facts.peer_common_name,
                                .cipher = facts.cipher,
                                .signature_algorithm = facts.signature_algorithm,
                                .key_algorithm = facts.key_algorithm});
}

std::string proxy_header(const pool::ProxySending& how, const ProxySubject& subject) {
  if (how.version == pool::ProxyVersion::kNone) return {};
  static const Introduction kNothing;
  const Introduction& known = subject.introduction == nullptr ? kNothing : *subject.introduction;
  const bool is_told = known.destination.is_ip();
  const wire::ProxyEnds ends{subject.client, is_told ? known.destination : subject.here};
  if (how.version == pool::ProxyVersion::kV1) return wire::proxy_line(ends);
  const std::string unique_id = id_text(subject.session_id);
  return wire::proxy_block(ends, tlvs_of(how, known, unique_id));
}

}  // namespace weir::session
