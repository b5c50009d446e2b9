#include "config/build_proxy.h"

namespace weir::config {

void read_accept_proxy(TableReader& reader, ListenerConfig& out) {
  reader.read_word("accept_proxy", out.accept_proxy);
  reader.read_clients("proxy_trust", out.proxy_trust);
  if (out.accept_proxy == AcceptProxy::kOff) {
    if (out.proxy_trust.is_given()) {
      reader.warn_at_key("proxy_trust", "it says nothing with accept_proxy = \"off\"");
    }
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
  if (out.send_proxy != SendProxy::kOff && out.warm_connections > 0) {
    reader.warn_at_key(
        "warm_connections",
        "the header comes when a client has the connection, and a server that expects one soon "
        "closes a connection on which nothing comes: its time limit must be long, or this 0");
  }
  if (out.send_proxy != SendProxy::kV2 && !out.proxy_tlvs.empty()) {
    reader.warn_at_key("proxy_tlvs", "it says nothing without send_proxy = \"v2\"");
  }
}

}  // namespace weir::config
