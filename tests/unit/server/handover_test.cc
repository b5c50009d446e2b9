#include "server/handover.h"

#include <gtest/gtest.h>

#include <thread>

#include "net/socket.h"

namespace weir::server {
namespace {

base::TimePoint soon() { return base::precise_now() + base::Millis(60'000); }

class BetweenTwo : public testing::Test {
 protected:
  void SetUp() override {
    auto ends = net::PacketChannel::create();
    ASSERT_TRUE(ends.has_value());
    before.emplace(std::move(ends->first));
    next.emplace(std::move(ends->second));
  }
  // What the next one has of it.
  base::Result<Legacy> hand_over(const Legacy& legacy) {
    base::Result<void> sent;
    std::thread sender([&] { sent = send_legacy(*before, legacy, soon()); });
    auto received = receive_legacy(*next, soon());
    sender.join();
    EXPECT_TRUE(sent.has_value());
    return received;
  }
  static base::UniqueFd a_socket() {
    auto fd = net::listen_on(base::parse_address("127.0.0.1:0").value(), {});
    EXPECT_TRUE(fd.has_value());
    return std::move(*fd);
  }

  std::optional<net::PacketChannel> before;
  std::optional<net::PacketChannel> next;
};

TEST_F(BetweenTwo, EverythingArrives) {
  Legacy legacy;
  legacy.document.assign(3 * net::PacketChannel::kMostBytes, 'x');
  auto& tickets = legacy.tickets.emplace_back();
  tickets.listener = "web";
  for (unsigned char i = 1; i <= 3; ++i) {
    auto& one = tickets.keys.emplace_back();
    one.age = base::Millis(i);
    one.key.name.fill(i);
    one.key.mac.fill(static_cast<unsigned char>(i + 10));
    one.key.cipher.fill(static_cast<unsigned char>(i + 20));
  }
  std::vector<base::Address> addresses;
  for (int i = 0; i < 150; ++i) {
    legacy.sockets.push_back({"key " + std::to_string(i), i % 2 == 0, i % 3 == 0, a_socket()});
    addresses.push_back(net::local_address(legacy.sockets.back().fd.get()).value());
  }
  legacy.door = a_socket();
  const auto received = hand_over(legacy);
  ASSERT_TRUE(received.has_value());
  EXPECT_EQ(received->document, legacy.document);
  ASSERT_EQ(received->tickets.size(), 1u);
  EXPECT_EQ(received->tickets[0].listener, "web");
  ASSERT_EQ(received->tickets[0].keys.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& got = received->tickets[0].keys[i];
    EXPECT_EQ(got.age, tickets.keys[i].age);
    EXPECT_EQ(got.key.name, tickets.keys[i].key.name);
    EXPECT_EQ(got.key.mac, tickets.keys[i].key.mac);
    EXPECT_EQ(got.key.cipher, tickets.keys[i].key.cipher);
  }
  ASSERT_EQ(received->sockets.size(), 150u);
  for (std::size_t i = 0; i < 150; ++i) {
    EXPECT_EQ(received->sockets[i].key, legacy.sockets[i].key);
    EXPECT_EQ(received->sockets[i].v6only, legacy.sockets[i].v6only);
    EXPECT_EQ(received->sockets[i].is_single, legacy.sockets[i].is_single);
    EXPECT_EQ(net::local_address(received->sockets[i].fd.get()).value(), addresses[i]);
  }
  EXPECT_EQ(net::local_address(received->door.get()).value(), net::local_address(legacy.door.get()).value());
}

TEST_F(BetweenTwo, AnotherLanguageIsRefused) {
  ASSERT_TRUE(say(*before, Word::kVersion, "weir-upgrade 9", soon()));
  const auto received = receive_legacy(*next, soon());
  ASSERT_FALSE(received.has_value());
  EXPECT_EQ(received.error().message(), "the process before speaks another language");
}

TEST_F(BetweenTwo, WhatALaterVersionSaysBesidesIsPassedOver) {
  ASSERT_TRUE(say(*before, Word::kVersion, "weir-upgrade 1", soon()));
  ASSERT_TRUE(before->send("?what", {}, soon()));
  ASSERT_TRUE(say(*before, Word::kEnd, "", soon()));
  EXPECT_TRUE(receive_legacy(*next, soon()).has_value());
}

TEST_F(BetweenTwo, AHandOverThatBreaksOffOrLastsTooLongIsNone) {
  ASSERT_TRUE(say(*before, Word::kVersion, "weir-upgrade 1", soon()));
  auto received = receive_legacy(*next, base::precise_now() + base::Millis(10));
  ASSERT_FALSE(received.has_value());
  EXPECT_EQ(received.error().message(), "the process before does not hand over");
  ASSERT_TRUE(say(*before, Word::kVersion, "weir-upgrade 1", soon()));
  before.reset();
  received = receive_legacy(*next, soon());
  ASSERT_FALSE(received.has_value());
  EXPECT_EQ(received.error().message(), "the process before has ended");
}

TEST_F(BetweenTwo, SocketsOfWhichNothingIsSaidAreRefused) {
  const base::UniqueFd fd = a_socket();
  const int number = fd.get();
  for (const char* told : {"s[]", "s[{}]", "s{", "s[{\"key\": 3}]"}) {
    ASSERT_TRUE(say(*before, Word::kVersion, "weir-upgrade 1", soon()));
    ASSERT_TRUE(before->send(told, std::span(&number, 1), soon()));
    EXPECT_FALSE(receive_legacy(*next, soon()).has_value()) << told;
  }
  ASSERT_TRUE(say(*before, Word::kVersion, "weir-upgrade 1", soon()));
  ASSERT_TRUE(say(*before, Word::kTickets, std::string("web\0short", 9), soon()));
  EXPECT_FALSE(receive_legacy(*next, soon()).has_value());
}

TEST(NotTaken, SaysTheSameWhenItIsReadAgain) {
  for (const std::vector<std::size_t>& positions :
       {std::vector<std::size_t>{}, {0}, {3, 17, 4}, {1, 2, 3, 7, 8}}) {
    EXPECT_EQ(parse_not_taken(build_not_taken(positions)), positions);
  }
  EXPECT_EQ(parse_not_taken("1 x 2"), (std::vector<std::size_t>{1}));
  EXPECT_EQ(parse_not_taken("5-3 8"), std::vector<std::size_t>());
  EXPECT_EQ(build_not_taken({0, 3, 4, 5, 17}), "0 3-5 17");
}

}  // namespace
}  // namespace weir::server
