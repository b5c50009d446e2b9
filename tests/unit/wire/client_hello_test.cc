#include "wire/client_hello.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weir::wire::client_hello_test {
namespace {

using Outcome = ClientHello::Outcome;

std::string number(std::size_t value, std::size_t bytes) {
  std::string out;
  for (std::size_t i = bytes; i > 0; --i) out.push_back(static_cast<char>(value >> (8 * (i - 1)) & 0xff));
  return out;
}

// With its length in front.
std::string vector(const std::string& content, std::size_t bytes) {
  return number(content.size(), bytes) + content;
}

std::string extension(std::size_t type, const std::string& value) {
  return number(type, 2) + vector(value, 2);
}

std::string server_name(const std::string& name) {
  return extension(0, vector(std::string(1, '\0') + vector(name, 2), 2));
}

std::string protocols(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += vector(name, 1);
  return extension(16, vector(list, 2));
}

std::string body(const std::string& extensions) {
  return "\x03\x03" + std::string(32, 'r') + vector(std::string(32, 's'), 1) + vector("\x13\x01\x13\x02", 2) +
         vector(std::string(1, '\0'), 1) + vector(extensions, 2);
}

std::string message(const std::string& body, char type = 1) { return std::string(1, type) + vector(body, 3); }

std::string record(const std::string& payload) { return "\x16\x03\x01" + vector(payload, 2); }

std::string in_records(const std::string& message, std::size_t each) {
  std::string out;
  for (std::size_t at = 0; at < message.size(); at += each) out += record(message.substr(at, each));
  return out;
}

std::string hello(const std::string& extensions) { return record(message(body(extensions))); }

ClientHello read(const std::string& bytes) {
  ClientHello hello;
  hello.feed(bytes);
  return hello;
}

std::string fault_of(const std::string& bytes) {
  const ClientHello hello = read(bytes);
  EXPECT_EQ(hello.outcome(), Outcome::kMalformed);
  return std::string(hello.fault());
}

const std::string kUsual =
    hello(extension(0x0a0a, "") + server_name("www.example.org") + extension(51, std::string(1'200, 'k')) +
          protocols({"h2", "http/1.1"}) + extension(0xfafa, "x"));

TEST(ClientHello, GivesTheNameAndTheProtocols) {
  const ClientHello hello = read(kUsual + "more");
  ASSERT_EQ(hello.outcome(), Outcome::kComplete);
  EXPECT_EQ(hello.server_name(), "www.example.org");
  EXPECT_EQ(hello.protocols(), (std::vector<std::string>{"h2", "http/1.1"}));
}

TEST(ClientHello, IsTheSameInAnySegments) {
  for (std::size_t each : {1u, 2u, 3u, 5u, 7u, 100u, 1'000u}) {
    ClientHello hello;
    for (std::size_t at = 0; at < kUsual.size(); at += each) {
      ASSERT_EQ(hello.outcome(), Outcome::kNeedsMore) << at;
      hello.feed(std::string_view(kUsual).substr(at, each));
    }
    EXPECT_EQ(hello.outcome(), Outcome::kComplete);
    EXPECT_EQ(hello.server_name(), "www.example.org");
  }
}

TEST(ClientHello, IsTheSameInAnyRecords) {
  const std::string whole = kUsual.substr(5);
  for (std::size_t each : {1u, 2u, 3u, 4u, 5u, 100u, 1'000u}) {
    const ClientHello hello = read(in_records(whole, each));
    EXPECT_EQ(hello.outcome(), Outcome::kComplete) << each;
    EXPECT_EQ(hello.server_name(), "www.example.org");
  }
}

TEST(ClientHello, OfOldClientsHasNoExtensions) {
  const ClientHello hello =
      read(record(message("\x03\x01" + std::string(32, 'r') + vector("", 1) +
                          vector(std::string("\x00\x2f", 2), 2) + vector(std::string(1, '\0'), 1))));
  EXPECT_EQ(hello.outcome(), Outcome::kComplete);
  EXPECT_EQ(hello.server_name(), "");
  EXPECT_TRUE(hello.protocols().empty());
}

TEST(ClientHello, MayAskForNoName) {
  EXPECT_EQ(read(hello(protocols({"h2"}))).server_name(), "");
  EXPECT_EQ(read(hello("")).outcome(), Outcome::kComplete);
}

TEST(ClientHello, NamesAreInSmallLettersAndWithoutALastDot) {
  EXPECT_EQ(read(hello(server_name("WWW.Example.ORG"))).server_name(), "www.example.org");
  EXPECT_EQ(read(hello(server_name("www.example.org."))).server_name(), "www.example.org");
  EXPECT_EQ(read(hello(server_name(std::string(255, 'a')))).server_name(), std::string(255, 'a'));
}

TEST(ClientHello, NamesThatAreNoneAreRefused) {
  for (const std::string& name : {std::string(), std::string("."), std::string("a\0b", 3), std::string("a b"),
                                  std::string("a\n"), std::string("\xc3\xa4.test"), std::string(256, 'a')}) {
    EXPECT_EQ(fault_of(hello(server_name(name))), "its server name") << name;
  }
  EXPECT_EQ(fault_of(hello(extension(0, ""))), "its server name");
  EXPECT_EQ(fault_of(hello(extension(0, number(0, 2)))), "its server name");
  const std::string one = std::string(1, '\0') + vector("a.test", 2);
  EXPECT_EQ(fault_of(hello(extension(0, vector(one + one, 2)))), "its server name");
  EXPECT_EQ(fault_of(hello(extension(0, vector(one, 2) + "x"))), "its server name");
  EXPECT_EQ(fault_of(hello(server_name("a.test") + server_name("b.test"))), "two extensions of one kind");
}

TEST(ClientHello, ProtocolsThatAreNoneAreRefused) {
  EXPECT_EQ(fault_of(hello(protocols({}))), "its list of protocols");
  EXPECT_EQ(fault_of(hello(protocols({"h2", ""}))), "its list of protocols");
  EXPECT_EQ(fault_of(hello(extension(16, vector("\x05h2", 2)))), "its list of protocols");
  EXPECT_EQ(fault_of(hello(protocols({"h2"}) + protocols({"h2"}))), "two extensions of one kind");
}

TEST(ClientHello, WhatIsNotTlsIsToldByItsFirstByte) {
  EXPECT_EQ(read("GET / HTTP/1.1\r\n").outcome(), Outcome::kNotTls);
  EXPECT_EQ(read("S").outcome(), Outcome::kNotTls);
  EXPECT_EQ(read("\x16").outcome(), Outcome::kNeedsMore);
  EXPECT_EQ(read("\x16\x02").outcome(), Outcome::kNotTls);
  EXPECT_EQ(read(std::string("\x80\x2e\x01\x00\x02", 5)).outcome(), Outcome::kNotTls) << "SSL 2";
  EXPECT_EQ(read("\x15\x03\x01").outcome(), Outcome::kNotTls) << "an alert";
}

TEST(ClientHello, RecordsAndMessagesThatMakeNoSenseAreRefused) {
  EXPECT_EQ(fault_of(record("")), "an empty record");
  EXPECT_EQ(fault_of("\x16\x03\x01\x40\x01"), "a record of more than 16384 bytes");
  EXPECT_EQ(fault_of(record(message(body(""), 2))), "another handshake message");
  EXPECT_EQ(fault_of(record(message(body("")).substr(0, 20)) + "\x17\x03\x03"),
            "another record within the message");
  EXPECT_EQ(fault_of(record(message("\x03\x03 short"))), "it ends within its first fields");
  EXPECT_EQ(fault_of(record(message(std::string("\x02\x00", 2) + body("").substr(2)))),
            "its version is none of TLS");
  EXPECT_EQ(fault_of(record(message(body("") + "x"))), "the length of its extensions");
  EXPECT_EQ(fault_of(hello(number(0, 2) + number(9, 2) + "short")), "an extension that overruns");
  EXPECT_EQ(fault_of(hello("\x01")), "an extension that overruns");
}

TEST(ClientHello, MayBeLongButNotLongerThanItsBound) {
  const std::string big = extension(51, std::string(60'000, 'k')) + server_name("a.test");
  const ClientHello hello = read(in_records(message(body(big)), 16'384));
  EXPECT_EQ(hello.outcome(), Outcome::kComplete);
  EXPECT_EQ(hello.server_name(), "a.test");
  EXPECT_EQ(read(record("\x01" + number(ClientHello::kMax, 3))).outcome(), Outcome::kTooLong)
      << "told as soon as its length is known";
  // In records of one byte the heads count too.
  EXPECT_EQ(read(in_records(message(body(extension(51, std::string(20'000, 'k')))), 1)).outcome(),
            Outcome::kTooLong);
}

TEST(ClientHello, KeepsNothingOnceItIsOver) {
  ClientHello hello = read("GET /");
  EXPECT_EQ(hello.feed(kUsual), Outcome::kNotTls);
  EXPECT_EQ(hello.server_name(), "");
}

}  // namespace
}  // namespace weir::wire::client_hello_test
