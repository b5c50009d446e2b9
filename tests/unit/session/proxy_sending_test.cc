#include "session/proxy_sending.h"

#include <gtest/gtest.h>

#include "wire/proxy_header.h"

namespace weir::session {
namespace {

using pool::ProxySending;
using pool::ProxyVersion;

const base::Address kClient = *base::parse_address("192.0.2.7:51234");
const base::Address kHere = *base::parse_address("198.51.100.1:80");
const base::Address kThere = *base::parse_address("203.0.113.1:443");

Introduction introduction() {
  Introduction told;
  told.destination = kThere;
  told.server_name = "www.example";
  told.alpn = "h2";
  told.unique_id = "of the one before";
  told.ssl = std::string("\x01\0\0\0\0", 5);
  return told;
}

ProxySending everything() { return {ProxyVersion::kV2, true, true, true, true, true}; }

wire::ProxyHeader read(const std::string& bytes) {
  const wire::ProxyRead read = wire::read_proxy_header(bytes);
  EXPECT_EQ(read.outcome, wire::ProxyRead::Outcome::kHeader);
  EXPECT_EQ(read.header.size, bytes.size());
  return read.header;
}

TEST(ProxySending, SaysNothingWhereNothingIsAskedFor) { EXPECT_EQ(proxy_header({}, {kClient, kHere}), ""); }

TEST(ProxySending, WritesALineOfWhoTheClientIsAndWhereItCame) {
  const ProxySending v1{.version = ProxyVersion::kV1};
  EXPECT_EQ(proxy_header(v1, {kClient, kHere}), "PROXY TCP4 192.0.2.7 198.51.100.1 51234 80\r\n");
}

TEST(ProxySending, PassesOnWhereAnotherProxySaysThatTheClientCame) {
  const Introduction told = introduction();
  const ProxySending v1{.version = ProxyVersion::kV1};
  EXPECT_EQ(proxy_header(v1, {kClient, kHere, &told}), "PROXY TCP4 192.0.2.7 203.0.113.1 51234 443\r\n");
}

TEST(ProxySending, SaysInVersion2WhatIsAskedForAndNoMore) {
  const Introduction told = introduction();
  const std::string bytes = proxy_header(everything(), {kClient, kHere, &told, 0x0104aed000000001});
  const wire::ProxyHeader all = read(bytes);
  EXPECT_EQ(all.version, 2);
  EXPECT_EQ(all.source, kClient);
  EXPECT_EQ(all.destination, kThere);
  EXPECT_EQ(all.authority, "www.example");
  EXPECT_EQ(all.alpn, "h2");
  EXPECT_EQ(all.unique_id, "0104aed000000001") << "as the log has it";
  EXPECT_EQ(all.ssl, told.ssl);
  const std::string plain =
      proxy_header({.version = ProxyVersion::kV2}, {kClient, kHere, &told, 0x0104aed000000001});
  EXPECT_EQ(plain.size(), 28u) << "the fixed part and two addresses of IPv4";
}

TEST(ProxySending, LeavesOutWhatIsNotKnown) {
  const std::string bytes = proxy_header(everything(), {kClient, kHere});
  const wire::ProxyHeader header = read(bytes);
  EXPECT_EQ(header.authority, "");
  EXPECT_EQ(header.ssl, "");
  EXPECT_EQ(header.unique_id, "0000000000000000");
}

TEST(ProxySending, HasNoClientToNameWhereItCameByAUnixSocket) {
  const base::Address nobody = base::Address::unix_path("");
  const base::Address here = base::Address::unix_path("/run/weir.sock");
  EXPECT_EQ(proxy_header({.version = ProxyVersion::kV1}, {nobody, here}), "PROXY UNKNOWN\r\n");
  EXPECT_FALSE(read(proxy_header(everything(), {nobody, here})).source.is_ip());
}

// Section 2.2.5 of the protocol: the first byte has what the client has shown, the next four are 0 when it
// was verified.
TEST(ProxySending, SaysThatACertificateWithoutASubjectWasShown) {
  Introduction client;
  describe_tls(client, {});
  EXPECT_EQ(client.ssl.substr(0, 5), std::string("\x01\0\0\0\1", 5));
  tls::Facts shown;
  shown.has_peer_certificate = true;
  describe_tls(client, shown);
  EXPECT_EQ(client.ssl.substr(0, 5), std::string("\x07\0\0\0\0", 5));
}

}  // namespace
}  // namespace weir::session
