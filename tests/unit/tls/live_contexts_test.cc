#include "tls/live_contexts.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "unit/tls/serving.h"

namespace weir::tls {
namespace {

using LiveContextsTest = Serving;

TEST_F(LiveContextsTest, AreTheLastThatWerePut) {
  serve({"a.example"});
  const auto first = load();
  const auto second = load();
  LiveContexts live(first);
  EXPECT_EQ(live.current(), first);
  live.replace(second);
  EXPECT_EQ(live.current(), second);
}

TEST_F(LiveContextsTest, LeaveTheOldOnesToTheConnectionsThatHaveThem) {
  const auto a = serve({"a.example"});
  settings.alpn = {"h2"};
  settings.ocsp_files = {write("ocsp", ca.ocsp_response(a))};
  LiveContexts live(load());
  const SslCtxPtr client = client_context();
  SSL_CTX_set_alpn_protos(client.get(), reinterpret_cast<const unsigned char*>("\x02h2"), 3);
  SSL_CTX_set_tlsext_status_type(client.get(), TLSEXT_STATUSTYPE_ocsp);
  Handshake handshake(live.current()->for_name("a.example"), client.get());
  settings.alpn.clear();
  settings.ocsp_files.clear();
  live.replace(load());  // the old ones are now only the connection's
  ASSERT_TRUE(handshake.run()) << handshake.server_error();
  EXPECT_EQ(handshake.protocol(), "h2");
  const unsigned char* der = nullptr;
  EXPECT_GT(SSL_get_tlsext_status_ocsp_resp(handshake.client(), &der), 0);
}

TEST_F(LiveContextsTest, AreServedWithWhileOthersTakeTheirPlace) {
  serve({"a.example"});
  LiveContexts live(load());
  std::atomic<bool> is_over{false};
  std::thread worker([&] {
    const SslCtxPtr client = client_context();
    while (!is_over) {
      Handshake handshake(live.current()->for_name("a.example"), client.get());
      EXPECT_TRUE(handshake.run());
    }
  });
  for (int i = 0; i < 20; ++i) {
    live.replace(load());
    keys->replace(*TicketKeys::random());
  }
  is_over = true;
  worker.join();
}

}  // namespace
}  // namespace weir::tls
