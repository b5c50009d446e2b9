// What a reload is for: those who come after it. A session goes on by the rules that it began with, whether
// the new ones are narrower or wider.
#include <gtest/gtest.h>
#include <poll.h>

#include "support/backend.h"
#include "support/clients.h"
#include "support/reloaded.h"

namespace weir::test {
namespace {

Configuration ruled(const Backend& backend, const std::string& listener, const std::string& rest = "") {
  Configuration configuration;
  // One worker: its sessions' lines come in the order in which they end.
  configuration.backends = {entry(backend.address(), "a")};
  configuration.listener = listener;
  configuration.rest = rest;
  return configuration;
}

bool echoes(Socket& client) {
  client.try_send("y");
  return client.receive(1).bytes == "y";
}

// Weir ends it, and says why.
void expect_cut(const WeirProcess& weir, Socket& client, const std::string& reason) {
  const base::Address address = client.local();
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  EXPECT_EQ(weir.wait_for_session_of(address).text("reason"), reason);
}

TEST(ReloadRules, AShorterIdleTimeoutIsForNewSessions) {
  Backend backend(echo());
  Reloaded weir(ruled(backend, "idle_timeout = \"1h\"\n"));
  Socket untouched = served_and_open(*weir, "127.0.0.1");
  Socket active = served_and_open(*weir, "127.0.0.1");
  weir.well(ruled(backend, "idle_timeout = \"300ms\"\n"));
  // What it begins anew with a byte is its own time, too.
  EXPECT_TRUE(echoes(active));
  for (int i = 0; i < 2; ++i) {
    Socket late = served_and_open(*weir, "127.0.0.1");
    expect_cut(*weir, late, "idle_timeout");
  }
  EXPECT_TRUE(echoes(active)) << "it has been idle for longer than the one that was cut";
  EXPECT_TRUE(echoes(untouched));
}

TEST(ReloadRules, ALongerIdleTimeoutIsForNewSessions) {
  Backend backend(echo());
  const Configuration brief = ruled(backend, "idle_timeout = \"300ms\"\n");
  Reloaded weir(brief);
  Socket early;
  // On a slow machine its time may be over before the new rules are in force: then it shows nothing.
  ASSERT_TRUE(eventually([&] {
    weir.well(brief);
    early = served_and_open(*weir, "127.0.0.1");
    weir.well(ruled(backend, "idle_timeout = \"1h\"\n"));
    return echoes(early);
  }));
  Socket late = served_and_open(*weir, "127.0.0.1");
  expect_cut(*weir, early, "idle_timeout");
  EXPECT_TRUE(echoes(late));
}

// It counts from a moment after the reload, so nothing is a matter of who is faster.
TEST(ReloadRules, AnotherHalfCloseTimeoutIsForNewSessions) {
  for (const auto& [first, second] : {std::pair("300ms", "1h"), std::pair("1h", "300ms")}) {
    SCOPED_TRACE(std::string(first) + ", then " + second);
    // Says nothing more, and does not end its stream either.
    Backend backend([](Socket& socket) {
      socket.send_all(socket.receive_exactly(1, Millis(600'000)));
      pollfd gone{socket.fd(), 0, 0};  // reset, or shut down both ways
      ::poll(&gone, 1, 600'000);
    });
    Reloaded weir(ruled(backend, "half_close_timeout = \"" + std::string(first) + "\"\n"));
    Socket early = served_and_open(*weir, "127.0.0.1");
    weir.well(ruled(backend, "half_close_timeout = \"" + std::string(second) + "\"\n"));
    Socket late = served_and_open(*weir, "127.0.0.1");
    Socket& brief = std::string(first) == "1h" ? late : early;
    Socket& lasting = std::string(first) == "1h" ? early : late;
    lasting.end_stream();
    brief.end_stream();
    expect_cut(*weir, brief, "half_close_timeout");
    EXPECT_FALSE(lasting.readable_now()) << "it has been half closed for longer than the other one";
  }
}

TEST(ReloadRules, WhetherItIsLoggedASessionKnowsFromItsBeginning) {
  for (const auto& [first, second] : {std::pair("all", "none"), std::pair("none", "all")}) {
    SCOPED_TRACE(std::string(first) + ", then " + second);
    Backend backend(echo());
    Configuration configuration = ruled(backend, "");
    const auto with = [&](const std::string& sessions) {
      configuration.log = "sessions = \"" + sessions + "\"\n";
      return configuration;
    };
    Reloaded weir(with(first));
    Socket early = served_and_open(*weir, "127.0.0.1");
    weir.well(with(second));
    Socket late = served_and_open(*weir, "127.0.0.1");
    Socket& told = std::string(first) == "all" ? early : late;
    Socket& untold = std::string(first) == "all" ? late : early;
    const std::string client = told.local().to_string();
    untold.close();
    ASSERT_TRUE(eventually([&] { return weir->admin().sum("weir_sessions_closed_total") == 1; }));
    told.close();
    EXPECT_EQ(weir->wait_for_session().text("client"), client) << "the other one's line would stand before";
  }
}

// Takes what has come to a client by now.
std::size_t taken_by_now(Socket& client) {
  std::size_t size = 0;
  while (client.readable_now()) {
    const Received more = client.receive_some(64 * 1024);
    EXPECT_EQ(more.ended, Ended::kNot);
    if (more.ended != Ended::kNot) break;
    size += more.bytes.size();
  }
  return size;
}

TEST(ReloadRules, ARateOfBytesIsForNewSessions) {
  constexpr std::size_t kBytes = 1 << 20;  // which would take a quarter of an hour
  const std::string rate = "[listeners.web.limits]\ndownload_rate = \"1KiB/s\"\n";
  for (const auto& [first, second] : {std::pair(std::string(), rate), std::pair(rate, std::string())}) {
    SCOPED_TRACE(first.empty() ? "no rate, then one" : "a rate, then none");
    Backend backend([](Socket& socket) {
      socket.receive_exactly(1, Millis(600'000));
      socket.send_all(pattern(kBytes), Millis(600'000));
      socket.receive_until_end(Millis(600'000));
    });
    Reloaded weir(ruled(backend, "", first));
    Socket early = weir->connect();
    ASSERT_TRUE(eventually([&] { return weir->admin().sum("weir_sessions_open") == 1; }));
    weir.well(ruled(backend, "", second));
    Socket late = weir->connect();
    ASSERT_TRUE(eventually([&] { return weir->admin().sum("weir_sessions_open") == 2; }));
    Socket& slow = first.empty() ? late : early;
    Socket& free = first.empty() ? early : late;
    slow.send_all("x");
    ASSERT_FALSE(slow.receive_some(1).bytes.empty()) << "it is under way";
    free.send_all("x");
    EXPECT_EQ(free.receive_exactly(kBytes).size(), kBytes);
    EXPECT_LT(taken_by_now(slow), kBytes / 2);
  }
}

}  // namespace
}  // namespace weir::test
