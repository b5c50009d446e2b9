// Bulk is spliced through pipes that sessions lend from one another: whatever becomes of a session in the
// middle of it, no other one gets a byte of its.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "support/backend.h"
#include "support/endless_stream.h"
#include "support/parallel.h"
#include "support/process_facts.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

constexpr std::size_t kKills = kSanitized ? 600 : 10'000;
constexpr std::size_t kWitnesses = 3;
// Behind this a session has been spliced for a while.
constexpr std::size_t kWellSpliced = 350 * 1024;

// What a client asks for: a stream from `phase` on, of so many bytes, behind which the backend resets it or
// waits for the client to go.
struct Wish {
  std::uint64_t phase = 0;
  std::uint64_t length = ~std::uint64_t{0};
  std::uint64_t then_resets = 0;

  std::string text() const { return {reinterpret_cast<const char*>(this), sizeof(*this)}; }
};

// Streams to each client what it wishes for, until it goes.
Behaviour streams(const EndlessStream& stream) {
  return [&stream](Socket& client) {
    Wish wish;
    const std::string text = client.receive_exactly(sizeof(wish));
    std::memcpy(&wish, text.data(), sizeof(wish));
    for (std::uint64_t sent = 0; sent < wish.length;) {
      const std::string_view piece = stream.at(wish.phase + sent, 128 * 1024);
      const std::size_t taken = client.try_send(piece.substr(0, wish.length - sent), Millis(60'000));
      if (taken == 0) return;  // it has gone
      sent += taken;
    }
    if (wish.then_resets != 0) return client.reset();
    client.receive_until_end();
  };
}

// Reads at least `least` bytes, or to the end, and compares each; how many came.
std::size_t read_and_compare(Socket& client, const EndlessStream& stream, std::uint64_t phase,
                             std::size_t least) {
  std::size_t received = 0;
  while (received < least) {
    const Received piece = client.receive_some(128 * 1024);
    EXPECT_TRUE(stream.matches(phase + received, piece.bytes)) << "wrong bytes behind " << received;
    received += piece.bytes.size();
    if (piece.ended != Ended::kNot || ::testing::Test::HasFailure()) break;
  }
  return received;
}

TEST(Splice, ThousandsKilledInTheMiddleLeaveNothingToOthers) {
  const EndlessStream stream;
  Backend backend(streams(stream));
  Configuration configuration;
  configuration.workers = 1;
  configuration.backends = {entry(backend.address())};
  configuration.log = "sessions = \"none\"\n";
  const WeirProcess weir(configuration);

  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> witnessed{0};
  std::vector<std::thread> witnesses;
  for (std::size_t i = 0; i < kWitnesses; ++i) {
    witnesses.emplace_back([&, i] {
      Socket client = weir.connect();
      const std::uint64_t phase = 7'777'777 * (i + 1);
      client.send_all(Wish{phase}.text());
      std::uint64_t received = 0;
      while (!over && !::testing::Test::HasFailure()) {
        received += read_and_compare(client, stream, phase + received, 1);
        observe_for(Millis(1));
      }
      witnessed += received;
    });
  }
  std::atomic<std::size_t> most_pipe_ends{0};
  in_parallel(6, kKills, [&](std::size_t i) {
    if (::testing::Test::HasFailure()) return;
    std::mt19937_64 random(i);
    const std::size_t least = kWellSpliced + random() % (100 * 1024);
    // Now and then one stops to read before it goes, with more behind than sockets hold: bytes of it are in a
    // pipe then.
    const bool stops = i % 10 == 0;
    const Wish wish{random() % 1'000'000'000, least + (stops ? 8'000'000 : 100'000), i % 3 == 0 ? 1u : 0u};
    Socket::Options options;
    if (stops) options.receive_buffer = 64 * 1024;
    Socket client = weir.connect(options);
    client.send_all(wish.text());
    const std::size_t received = read_and_compare(client, stream, wish.phase, least);
    // A reset takes what has not left the backend.
    if (wish.then_resets == 0) {
      EXPECT_GE(received, least);
    }
    if (stops) observe_for(Millis(5));
    if (i % 100 == 0) most_pipe_ends = std::max(most_pipe_ends.load(), pipe_end_count(weir.pid()));
    client.reset();
  });
  over = true;
  for (std::thread& witness : witnesses) witness.join();
  EXPECT_GT(witnessed, kWellSpliced * kWitnesses);
  EXPECT_GT(most_pipe_ends, 4u) << "nothing was spliced: the test shows nothing";
  EXPECT_TRUE(eventually([&] { return weir.admin().sum("weir_process_connections") == 0; }));
  EXPECT_EQ(weir.admin().sum("weir_sessions_closed_total"), kKills + kWitnesses);
}

TEST(Splice, IsNotDoneWhereThereAreNoPipes) {
  const EndlessStream stream;
  Backend backend(streams(stream));
  Configuration configuration;
  configuration.workers = 1;
  configuration.process = "splice_pipes = 0\n";
  configuration.backends = {entry(backend.address())};
  const WeirProcess weir(configuration);
  const std::size_t before = pipe_end_count(weir.pid());
  Socket client = weir.connect();
  client.send_all(Wish{5}.text());
  EXPECT_GE(read_and_compare(client, stream, 5, 20'000'000), 20'000'000u);
  EXPECT_EQ(pipe_end_count(weir.pid()), before);
}

}  // namespace
}  // namespace weir::test
