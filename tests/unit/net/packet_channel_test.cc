#include "net/packet_channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "unit/support.h"

namespace weir::net {
namespace {

using Outcome = PacketChannel::Outcome;

base::TimePoint soon() { return base::precise_now() + base::Millis(10'000); }

class Channels : public testing::Test {
 protected:
  void SetUp() override {
    auto ends = PacketChannel::create();
    ASSERT_TRUE(ends.has_value());
    here.emplace(std::move(ends->first));
    there.emplace(std::move(ends->second));
  }

  std::optional<PacketChannel> here;
  std::optional<PacketChannel> there;
  Packet packet;
};

TEST_F(Channels, PacketsComeWholeAndInTheirOrder) {
  const std::string large(PacketChannel::kMostBytes, 'x');
  ASSERT_TRUE(here->send("first", {}, soon()));
  ASSERT_TRUE(here->send(large, {}, soon()));
  ASSERT_EQ(there->receive(packet, soon()), Outcome::kPacket);
  EXPECT_EQ(packet.bytes, "first");
  ASSERT_EQ(there->receive(packet, soon()), Outcome::kPacket);
  EXPECT_EQ(packet.bytes, large);
  EXPECT_EQ(there->receive(packet, base::precise_now()), Outcome::kTooLate);
}

TEST_F(Channels, DescriptorsComeWithTheirPacketAndAreClosedOnExec) {
  const test::TempFolder folder;
  std::vector<base::UniqueFd> files;
  std::vector<int> numbers;
  for (std::size_t i = 0; i < PacketChannel::kMostDescriptors; ++i) {
    files.emplace_back(::open(folder.file(std::to_string(i)).c_str(), O_CREAT | O_RDWR, 0600));
    numbers.push_back(files.back().get());
  }
  ASSERT_TRUE(here->send("files", numbers, soon()));
  ASSERT_EQ(there->receive(packet, soon()), Outcome::kPacket);
  ASSERT_EQ(packet.descriptors.size(), files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    struct stat sent {};
    struct stat received {};
    ASSERT_EQ(::fstat(files[i].get(), &sent), 0);
    ASSERT_EQ(::fstat(packet.descriptors[i].get(), &received), 0);
    EXPECT_EQ(sent.st_ino, received.st_ino);
    EXPECT_EQ(::fcntl(packet.descriptors[i].get(), F_GETFD), FD_CLOEXEC);
  }
}

TEST_F(Channels, WhatWasSentBeforeTheEndIsStillReceived) {
  ASSERT_TRUE(here->send("last", {}, soon()));
  here.reset();
  ASSERT_EQ(there->receive(packet, soon()), Outcome::kPacket);
  EXPECT_EQ(packet.bytes, "last");
  EXPECT_EQ(there->receive(packet, soon()), Outcome::kEnded);
  EXPECT_FALSE(there->send("x", {}, soon()));
}

TEST_F(Channels, AnEndWithWordsUnreadIsAnEndToo) {
  ASSERT_TRUE(there->send("unread", {}, soon()));
  here.reset();
  EXPECT_EQ(there->receive(packet, soon()), Outcome::kEnded);
}

TEST_F(Channels, WhatWasSaidLastIsReceivedThoughItsSenderHasLeftWordsUnread) {
  ASSERT_TRUE(there->send("unread", {}, soon()));
  ASSERT_TRUE(here->send("last", {}, soon()));
  here.reset();
  ASSERT_EQ(there->receive(packet, soon()), Outcome::kPacket);
  EXPECT_EQ(packet.bytes, "last");
  EXPECT_EQ(there->receive(packet, soon()), Outcome::kEnded);
}

TEST_F(Channels, OneThatIsNotReadFailsInTime) {
  const std::string large(PacketChannel::kMostBytes, 'x');
  base::Result<void> sent;
  for (int i = 0; i < 1000 && sent; ++i) {
    sent = here->send(large, {}, base::precise_now() + base::Millis(20));
  }
  ASSERT_FALSE(sent.has_value());
  EXPECT_EQ(sent.error().message(), "the other process does not take what it is sent");
}

TEST_F(Channels, AnotherThreadEndsAWait) {
  Outcome outcome = Outcome::kPacket;
  std::thread waiting([&] { outcome = here->receive(packet, soon() + base::Millis(60'000)); });
  here->stop_receiving();
  waiting.join();
  EXPECT_EQ(outcome, Outcome::kEnded);
  Packet stop;
  ASSERT_TRUE(here->send("stop", {}, soon()));
  ASSERT_EQ(there->receive(stop, soon()), Outcome::kPacket) << "the other direction goes on";
  EXPECT_EQ(stop.bytes, "stop");
}

}  // namespace
}  // namespace weir::net
