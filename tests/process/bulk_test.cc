// Much goes through whole and in order, and a reader that is slow does not make Weir hold it: the sender
// waits instead.
#include <gtest/gtest.h>

#include <algorithm>

#include "support/backend.h"
#include "support/endless_stream.h"
#include "support/parallel.h"
#include "support/process_facts.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

constexpr std::size_t kMiB = 1024 * 1024;
constexpr std::size_t kTotal = (kSanitized ? 256 : 1024) * kMiB;
// What a session may hold is 64 KiB; the rest is for the allocator, the log and the admin door.
constexpr std::size_t kMostGrowth = 4 * kMiB;

// Sends the whole stream; `sent` shows how far it is.
void send_stream(Socket& socket, const EndlessStream& stream, std::atomic<std::size_t>& sent) {
  while (sent < kTotal) {
    const std::string_view piece = stream.at(sent, std::min(kTotal - sent, std::size_t{256 * 1024}));
    sent += socket.try_send(piece, Millis(100'000));
  }
  socket.end_stream();
}

// Reads the whole stream and compares every byte; returns how many were right.
std::size_t receive_stream(Socket& socket, const EndlessStream& stream) {
  std::size_t received = 0;
  while (true) {
    const Received piece = socket.receive_some(256 * 1024);
    if (piece.ended != Ended::kNot) {
      EXPECT_EQ(piece.ended, Ended::kEndOfStream);
      return received;
    }
    if (!stream.matches(received, piece.bytes)) {
      ADD_FAILURE() << "wrong bytes behind " << received;
      return received;
    }
    received += piece.bytes.size();
  }
}

// Waits until the sender has stood still for a while: everything between it and the reader is full.
void wait_until_stuck(const std::atomic<std::size_t>& sent) {
  std::size_t last = 0;
  const bool stuck = eventually([&] {
    const std::size_t before = std::exchange(last, sent.load());
    observe_for(Millis(100));
    return before == last && last > 0;
  });
  EXPECT_TRUE(stuck) << "the sender is never held up";
  EXPECT_LT(sent, kTotal / 2);
}

void expect_bounded(const WeirProcess& weir, std::uint64_t before) {
  if (kSanitized) {
    std::printf("memory is not looked at: a sanitizer's own would be measured\n");
    return;
  }
  const std::uint64_t now = resident_bytes(weir.pid());
  std::printf("resident memory: %.1f MiB before, %.1f MiB now\n", static_cast<double>(before) / kMiB,
              static_cast<double>(now) / kMiB);
  EXPECT_LT(now, before + kMostGrowth);
}

TEST(Bulk, AStreamArrivesWholeThroughASlowReaderAndWeirHoldsLittleOfIt) {
  const EndlessStream stream;
  Listener listener;
  Configuration configuration;
  configuration.backends = {entry(listener.address())};
  const WeirProcess weir(configuration);
  Socket client = weir.connect();
  Socket backend = listener.accept();
  const std::uint64_t before = resident_bytes(weir.pid());

  std::atomic<std::size_t> sent{0};
  Background sender([&] { send_stream(backend, stream, sent); });
  wait_until_stuck(sent);
  expect_bounded(weir, before);
  EXPECT_EQ(receive_stream(client, stream), kTotal);
  sender.join();
  expect_bounded(weir, before);

  client.close();
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "backend_end");
  EXPECT_EQ(session.number("download"), kTotal);
  EXPECT_EQ(weir.admin().sum("weir_download_bytes_total"), kTotal);
  EXPECT_EQ(weir.admin().sum("weir_backend_download_bytes_total"), kTotal);
}

TEST(Bulk, AStreamTowardsASlowBackendArrivesWhole) {
  const EndlessStream stream;
  Listener listener;
  Configuration configuration;
  configuration.backends = {entry(listener.address())};
  const WeirProcess weir(configuration);
  Socket client = weir.connect();
  Socket backend = listener.accept();
  const std::uint64_t before = resident_bytes(weir.pid());

  std::atomic<std::size_t> sent{0};
  Background sender([&] { send_stream(client, stream, sent); });
  wait_until_stuck(sent);
  expect_bounded(weir, before);
  EXPECT_EQ(receive_stream(backend, stream), kTotal);
  sender.join();
  backend.close();
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "client_end");
  EXPECT_EQ(session.number("upload"), kTotal);
}

TEST(Bulk, ManySlowReadersDoNotMakeWeirHoldMoreThanItsBuffers) {
  constexpr std::size_t kReaders = 100;
  const std::string much = pattern(16 * kMiB);
  std::atomic<std::size_t> begun{0};
  std::atomic<std::size_t> sent{0};
  Backend backend([&](Socket& socket) {
    ++begun;
    for (std::size_t at = 0; at < much.size();) {
      const std::size_t n = socket.try_send(std::string_view(much).substr(at, 64 * 1024), Millis(600'000));
      if (n == 0) return;
      at += n;
      sent += n;
    }
  });
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(backend.address())};
  const WeirProcess weir(configuration);
  const std::uint64_t before = resident_bytes(weir.pid());
  Socket::Options small;
  small.receive_buffer = 16 * 1024;
  std::vector<Socket> clients;
  for (std::size_t i = 0; i < kReaders; ++i) clients.push_back(weir.connect(small));
  std::size_t last = 0;
  ASSERT_TRUE(eventually([&] {
    const std::size_t at = std::exchange(last, sent.load());
    observe_for(Millis(200));
    // Some may have sent all of it: the kernel's own buffers are that large (tcp_rmem, tcp(7)).
    return begun == kReaders && at == last && at > 0;
  }));
  if (kSanitized) {
    std::printf("memory is not looked at: a sanitizer's own would be measured\n");
  } else {
    const std::uint64_t growth = resident_bytes(weir.pid()) - before;
    std::printf("%zu stuck readers: %.1f KiB each\n", kReaders,
                static_cast<double>(growth) / 1024 / kReaders);
    EXPECT_LT(growth, kReaders * 64 * 1024 + kMostGrowth);
  }
  // The last one still gets its stream.
  const Received received = clients.back().receive_until_end();
  EXPECT_TRUE(received.bytes == much) << received.bytes.size() << " bytes";
  EXPECT_EQ(received.ended, Ended::kEndOfStream);
}

}  // namespace
}  // namespace weir::test
