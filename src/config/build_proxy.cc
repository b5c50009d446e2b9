#include "config/build_proxy.h"

namespace weir::config {

void read_accept_proxy(TableReader& reader, ListenerConfig& out) {
  const ListenerConfig usual;
  reader.read_word("accept_proxy", out.accept_proxy);
  reader.read_clients("proxy_trust", out.proxy_trust);
  reader.read_duration("preread_timeout", out.preread_timeout);
  if (out.accept_proxy == AcceptProxy::kOff) {
    constexpr std::string_view kIdle = "it says nothing with accept_proxy = \"off\"";
    if (out.proxy_trust.is_given()) reader.warn_at_key("proxy_trust", kIdle);
    if (out.preread_timeout != usual.preread_timeout) reader.warn_at_key("preread_timeout", kIdle);
  } else if (!out.proxy_trust.is_given()) {
    reader.fail_at_key("accept_proxy",
                       "nobody is trusted to send the header: name the proxies in front of Weir, as in "
                       "proxy_trust = [\"10.0.0.0/8\"]; [\"0.0.0.0/0\", \"::/0\"] lets every client say that "
                       "it is another one");
  }
}

void read_send_proxy(TableReader& reader, PoolConfig& out) {
  reader.read_word("send_proxy", out.send_proxy);
  reader.read_words("proxy_tlvs", out.proxy_tlvs);
  if (out.send_proxy != SendProxy::kV2 && !out.proxy_tlvs.empty()) {
    reader.warn_at_key("proxy_tlvs", "it says nothing without send_proxy = \"v2\"");
  }
}

}  // namespace weir::config
