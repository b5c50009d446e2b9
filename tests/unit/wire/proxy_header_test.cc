#include "wire/proxy_header.h"

#include <gtest/gtest.h>

#include <vector>

#include "wire/crc32c.h"
#include "wire/proxy_write.h"

// The lines of the specification that can be tested, as cases: section 2.1 (version 1) and 2.2 (version 2).

namespace weir::wire::proxy_header_test {
namespace {

using Outcome = ProxyRead::Outcome;

std::string show(const ProxyRead& read) {
  switch (read.outcome) {
    case Outcome::kNeedsMore:
      return "needs more";
    case Outcome::kFault:
      return std::string(word(read.fault));
    case Outcome::kHeader:
      break;
  }
  return read.header.source.to_string() + " " + read.header.destination.to_string();
}

std::string read(std::string_view bytes) { return show(read_proxy_header(bytes)); }

base::Address address(std::string_view text) { return *base::parse_address(text); }

// Version 2: the bytes behind the signature, with the length in its place.
std::string block(unsigned char command, unsigned char family, const std::string& rest) {
  std::string out("\r\n\r\n\0\r\nQUIT\n", 12);
  out += {static_cast<char>(command), static_cast<char>(family), static_cast<char>(rest.size() >> 8),
          static_cast<char>(rest.size() & 0xff)};
  return out + rest;
}

std::string tlv(unsigned char type, const std::string& value) {
  return std::string{static_cast<char>(type), static_cast<char>(value.size() >> 8),
                     static_cast<char>(value.size() & 0xff)} +
         value;
}

// 192.0.2.1:1024 to 198.51.100.2:443.
const std::string kIpv4Block("\xc0\x00\x02\x01\xc6\x33\x64\x02\x04\x00\x01\xbb", 12);
// [2001:db8::1]:1024 to [2001:db8::2]:443.
const std::string kIpv6Block = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + '\x01' +
                               std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + '\x02' +
                               std::string("\x04\x00\x01\xbb", 4);

struct Case {
  std::string name;
  std::string bytes;
  std::string expected;
};

class ProxyHeaderCases : public testing::TestWithParam<Case> {};

TEST_P(ProxyHeaderCases, AreReadAsTheSpecificationSays) {
  EXPECT_EQ(read(GetParam().bytes), GetParam().expected);
}

TEST_P(ProxyHeaderCases, AreReadAlikeInAnySegments) {
  const std::string& bytes = GetParam().bytes;
  std::string last = "needs more";
  for (std::size_t size = 1; size <= bytes.size(); ++size) {
    const ProxyRead so_far = read_proxy_header(std::string_view(bytes).substr(0, size));
    if (last != "needs more") {
      ASSERT_EQ(show(so_far), last) << "what is known after " << size - 1 << " bytes stays";
    }
    if (so_far.outcome == Outcome::kNeedsMore) {
      ASSERT_GT(so_far.needed, size);
    }
    last = show(so_far);
  }
  EXPECT_EQ(last, GetParam().expected);
}

const std::string kNone = "none none";

INSTANTIATE_TEST_SUITE_P(
    Version1, ProxyHeaderCases,
    testing::ValuesIn(std::vector<Case>{
        {"tcp4", "PROXY TCP4 192.0.2.1 198.51.100.2 1024 443\r\n", "192.0.2.1:1024 198.51.100.2:443"},
        {"tcp4_longest", "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
         "255.255.255.255:65535 255.255.255.255:65535"},
        {"tcp6", "PROXY TCP6 2001:db8::1 2001:DB8::2 1024 443\r\n", "[2001:db8::1]:1024 [2001:db8::2]:443"},
        {"tcp6_longest",
         "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0 65535 "
         "65535\r\n",
         "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 [ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0]:65535"},
        {"ports_of_zero", "PROXY TCP4 192.0.2.1 198.51.100.2 0 0\r\n", "192.0.2.1:0 198.51.100.2:0"},
        {"unknown_short", "PROXY UNKNOWN\r\n", kNone},
        {"unknown_with_addresses", "PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", kNone},
        {"unknown_with_anything", "PROXY UNKNOWN \n\x01\xff whatever\r\n", kNone},
        {"unknown_worst_case",
         "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
         "65535 65535\r\n",
         kNone},
        {"unknown_too_long", "PROXY UNKNOWN " + std::string(92, 'x') + "\r\n", "line"},
        {"unknown_is_a_word", "PROXY UNKNOWNS\r\n", "line"},
        {"no_end_in_107", "PROXY TCP6 " + std::string(96, 'f'), "line"},
        {"line_feed_alone", "PROXY TCP4 192.0.2.1 198.51.100.2 1024 443\n", "line"},
        {"line_feed_alone_and_an_end_later", "PROXY TCP4 192.0.2.1 198.51.100.2 1024 443\nmore\r\n", "line"},
        {"carriage_return_alone", "PROXY TCP4 192.0.2.1 198.51.100.2 1024 443\rX\r\n", "address"},
        {"two_spaces", "PROXY  TCP4 192.0.2.1 198.51.100.2 1024 443\r\n", "family"},
        {"two_spaces_later", "PROXY TCP4 192.0.2.1  198.51.100.2 1024 443\r\n", "address"},
        {"a_tab", "PROXY TCP4\t192.0.2.1 198.51.100.2 1024 443\r\n", "line"},
        {"a_space_at_the_end", "PROXY TCP4 192.0.2.1 198.51.100.2 1024 443 \r\n", "address"},
        {"no_port", "PROXY TCP4 192.0.2.1 198.51.100.2 1024\r\n", "line"},
        {"nothing_more", "PROXY \r\n", "line"},
        {"lower_case", "proxy TCP4 192.0.2.1 198.51.100.2 1024 443\r\n", "absent"},
        {"tcp5", "PROXY TCP5 192.0.2.1 198.51.100.2 1024 443\r\n", "family"},
        {"udp4", "PROXY UDP4 192.0.2.1 198.51.100.2 1024 443\r\n", "family"},
        {"ipv6_in_tcp4", "PROXY TCP4 2001:db8::1 2001:db8::2 1024 443\r\n", "address"},
        {"ipv4_in_tcp6", "PROXY TCP6 192.0.2.1 198.51.100.2 1024 443\r\n", "address"},
        {"families_mixed", "PROXY TCP4 192.0.2.1 2001:db8::2 1024 443\r\n", "address"},
        {"mapped_in_tcp6", "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1024 443\r\n",
         "[::ffff:192.0.2.1]:1024 [2001:db8::2]:443"},
        {"leading_zero_in_an_octet", "PROXY TCP4 192.0.02.1 198.51.100.2 1024 443\r\n", "address"},
        {"octet_of_256", "PROXY TCP4 192.0.2.256 198.51.100.2 1024 443\r\n", "address"},
        {"three_octets", "PROXY TCP4 192.0.2 198.51.100.2 1024 443\r\n", "address"},
        {"five_octets", "PROXY TCP4 192.0.2.1.1 198.51.100.2 1024 443\r\n", "address"},
        {"an_octet_missing", "PROXY TCP4 192..2.1 198.51.100.2 1024 443\r\n", "address"},
        {"a_number_as_address", "PROXY TCP4 3221225985 198.51.100.2 1024 443\r\n", "address"},
        {"hexadecimal_octets", "PROXY TCP4 0xc0.0.2.1 198.51.100.2 1024 443\r\n", "address"},
        {"two_double_colons", "PROXY TCP6 2001::db8::1 2001:db8::2 1024 443\r\n", "address"},
        {"nine_groups", "PROXY TCP6 1:2:3:4:5:6:7:8:9 2001:db8::2 1024 443\r\n", "address"},
        {"seven_groups", "PROXY TCP6 1:2:3:4:5:6:7 2001:db8::2 1024 443\r\n", "address"},
        {"five_digits", "PROXY TCP6 20011:db8::1 2001:db8::2 1024 443\r\n", "address"},
        {"a_scope", "PROXY TCP6 fe80::1%1 2001:db8::2 1024 443\r\n", "address"},
        {"in_brackets", "PROXY TCP6 [2001:db8::1] 2001:db8::2 1024 443\r\n", "address"},
        {"port_too_large", "PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n", "address"},
        {"port_much_too_large", "PROXY TCP4 192.0.2.1 198.51.100.2 99999999999999999999 443\r\n", "address"},
        {"port_with_leading_zero", "PROXY TCP4 192.0.2.1 198.51.100.2 01024 443\r\n", "address"},
        {"port_with_sign", "PROXY TCP4 192.0.2.1 198.51.100.2 +1024 443\r\n", "address"},
        {"port_below_zero", "PROXY TCP4 192.0.2.1 198.51.100.2 -1 443\r\n", "address"},
        {"port_in_letters", "PROXY TCP4 192.0.2.1 198.51.100.2 http 443\r\n", "address"},
        {"second_port_with_leading_zero", "PROXY TCP4 192.0.2.1 198.51.100.2 1024 0443\r\n", "address"},
        {"a_nul_in_an_address", std::string("PROXY TCP4 192.0.2.1\0 198.51.100.2 1024 443\r\n", 45),
         "address"},
        {"http", "GET / HTTP/1.1\r\n", "absent"},
        {"tls", std::string("\x16\x03\x01\x02\x00", 5), "absent"},
        {"other_word", "PROXYX", "absent"},
        {"another_line_first", "\r\nPROXY TCP4 192.0.2.1 198.51.100.2 1024 443\r\n", "absent"},
    }),
    [](const auto& one) { return one.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Version2, ProxyHeaderCases,
    testing::ValuesIn(std::vector<Case>{
        {"tcp4", block(0x21, 0x11, kIpv4Block), "192.0.2.1:1024 198.51.100.2:443"},
        {"tcp6", block(0x21, 0x21, kIpv6Block), "[2001:db8::1]:1024 [2001:db8::2]:443"},
        {"udp4", block(0x21, 0x12, kIpv4Block), kNone},
        {"udp6", block(0x21, 0x22, kIpv6Block), kNone},
        {"unix_stream", block(0x21, 0x31, std::string(216, 'u')), kNone},
        {"unix_datagram", block(0x21, 0x32, std::string(216, 'u')), kNone},
        {"unspecified", block(0x21, 0x00, ""), kNone},
        {"unspecified_with_anything", block(0x21, 0x00, "whatever"), kNone},
        {"unspecified_stream", block(0x21, 0x01, ""), kNone},
        {"ipv4_of_unspecified_transport", block(0x21, 0x10, kIpv4Block), kNone},
        {"local", block(0x20, 0x00, ""), kNone},
        {"local_with_addresses", block(0x20, 0x11, kIpv4Block), kNone},
        {"local_with_a_short_block", block(0x20, 0x11, "xy"), kNone},
        {"local_with_tlvs", block(0x20, 0x00, tlv(0x02, "a.test")), kNone},
        {"local_of_unknown_family", block(0x20, 0xff, "anything"), kNone},
        {"version_1", block(0x11, 0x11, kIpv4Block), "version"},
        {"version_3", block(0x31, 0x11, kIpv4Block), "version"},
        {"command_2", block(0x22, 0x11, kIpv4Block), "command"},
        {"command_15", block(0x2f, 0x11, kIpv4Block), "command"},
        {"family_4", block(0x21, 0x41, kIpv4Block), "family"},
        {"family_15", block(0x21, 0xf1, kIpv4Block), "family"},
        {"transport_3", block(0x21, 0x13, kIpv4Block), "family"},
        {"ipv4_without_addresses", block(0x21, 0x11, ""), "address"},
        {"ipv4_block_short", block(0x21, 0x11, kIpv4Block.substr(1)), "address"},
        {"ipv6_block_short", block(0x21, 0x21, kIpv6Block.substr(1)), "address"},
        {"ipv6_with_a_block_of_ipv4", block(0x21, 0x21, kIpv4Block), "address"},
        {"unix_block_short", block(0x21, 0x31, std::string(215, 'u')), "address"},
        {"a_tlv", block(0x21, 0x11, kIpv4Block + tlv(0x02, "a.test")), "192.0.2.1:1024 198.51.100.2:443"},
        {"an_unknown_tlv", block(0x21, 0x11, kIpv4Block + tlv(0xe5, "mine")),
         "192.0.2.1:1024 198.51.100.2:443"},
        {"an_empty_tlv", block(0x21, 0x11, kIpv4Block + tlv(0x04, "")), "192.0.2.1:1024 198.51.100.2:443"},
        {"a_tlv_cut_in_its_head", block(0x21, 0x11, kIpv4Block + "\x02"), "tlv"},
        {"a_tlv_that_overruns",
         block(0x21, 0x11,
               kIpv4Block + std::string("\x02\x00\x07"
                                        "a.test",
                                        9)),
         "tlv"},
        {"a_tlv_that_overruns_behind_unix", block(0x21, 0x31, std::string(216, 'u') + "\x02"), "tlv"},
        {"unique_id_of_128", block(0x21, 0x11, kIpv4Block + tlv(0x05, std::string(128, 'i'))),
         "192.0.2.1:1024 198.51.100.2:443"},
        {"unique_id_of_129", block(0x21, 0x11, kIpv4Block + tlv(0x05, std::string(129, 'i'))), "tlv"},
        {"ssl_too_short", block(0x21, 0x11, kIpv4Block + tlv(0x20, "1234")), "tlv"},
        {"ssl_whose_parts_overrun",
         block(0x21, 0x11, kIpv4Block + tlv(0x20, std::string("\x01\0\0\0\0\x21\0\x09v", 9))), "tlv"},
        {"checksum_of_three_bytes", block(0x21, 0x11, kIpv4Block + tlv(0x03, "abc")), "tlv"},
        {"checksum_wrong", block(0x21, 0x11, kIpv4Block + tlv(0x03, "abcd")), "checksum"},
        {"signature_with_a_fault", std::string("\r\n\r\n\0\r\nQUIX", 11), "absent"},
    }),
    [](const auto& one) { return one.param.name; });

TEST(ProxyHeader, TakesItsOwnBytesAndNoMore) {
  const std::string line = "PROXY TCP4 192.0.2.1 198.51.100.2 1024 443\r\n";
  EXPECT_EQ(read_proxy_header(line + "GET / HTTP/1.1\r\n").header.size, line.size());
  const std::string header = block(0x21, 0x11, kIpv4Block + tlv(0x04, "xxx"));
  EXPECT_EQ(read_proxy_header(header + "\r\n\r\n").header.size, header.size());
  const std::string local = block(0x20, 0x00, tlv(0x02, "a"));
  EXPECT_EQ(read_proxy_header(local + "more").header.size, local.size());
  EXPECT_TRUE(read_proxy_header(local).header.is_local);
}

TEST(ProxyHeader, MayBeAsLongAsItsLengthCanSay) {
  const std::string header = block(0x21, 0x11, kIpv4Block + tlv(0x04, std::string(0xffff - 12 - 3, 'x')));
  ASSERT_EQ(header.size(), kMaxProxyHeader);
  EXPECT_EQ(read_proxy_header(header).header.size, kMaxProxyHeader);
  EXPECT_EQ(read_proxy_header(std::string_view(header).substr(0, 20)).needed, kMaxProxyHeader);
}

TEST(ProxyHeader, GivesWhatTlvsSay) {
  const std::string ssl = std::string("\x01\0\0\0\0", 5) + tlv(0x21, "TLSv1.3");
  const std::string bytes = block(0x21, 0x11,
                                  kIpv4Block + tlv(0x01, "h2") + tlv(0x02, "a.test") + tlv(0x05, "id") +
                                      tlv(0x20, ssl) + tlv(0x30, "blue"));
  const ProxyHeader header = read_proxy_header(bytes).header;
  EXPECT_EQ(header.alpn, "h2");
  EXPECT_EQ(header.authority, "a.test");
  EXPECT_EQ(header.unique_id, "id");
  EXPECT_EQ(header.ssl, ssl);
}

TEST(Crc32c, IsThatOfItsPublishedVectors) {
  // RFC 3720, appendix B.4.
  EXPECT_EQ(Crc32c().add(std::string(32, '\0')).value(), 0x8a9136aau);
  EXPECT_EQ(Crc32c().add(std::string(32, '\xff')).value(), 0x62a8ab43u);
  EXPECT_EQ(Crc32c().add("1234").add("56789").value(), 0xe3069283u);
}

TEST(ProxyWrite, IsReadAsItWasMeant) {
  for (const auto& [source, destination, seen] : std::vector<std::array<std::string, 3>>{
           {"192.0.2.1:1024", "198.51.100.2:443", "192.0.2.1:1024 198.51.100.2:443"},
           {"[2001:db8::1]:1", "[2001:db8::2]:65535", "[2001:db8::1]:1 [2001:db8::2]:65535"},
           {"[::ffff:192.0.2.1]:5", "198.51.100.2:443", "192.0.2.1:5 198.51.100.2:443"},
           {"192.0.2.1:5", "[2001:db8::2]:443", "[::ffff:192.0.2.1]:5 [2001:db8::2]:443"},
           {"unix:/a", "unix:/b", kNone},
           {"unix:/a", "192.0.2.1:5", kNone}}) {
    const ProxyEnds ends{address(source), address(destination)};
    EXPECT_EQ(read(proxy_line(ends)), seen);
    EXPECT_EQ(read(proxy_block(ends, {})), seen);
    EXPECT_EQ(read(proxy_block(ends, {"a.test", "", "i", "", true})), seen);
  }
  EXPECT_EQ(proxy_line({address("192.0.2.1:1024"), address("198.51.100.2:443")}),
            "PROXY TCP4 192.0.2.1 198.51.100.2 1024 443\r\n");
  EXPECT_EQ(proxy_block({address("192.0.2.1:1024"), address("198.51.100.2:443")}, {}),
            block(0x21, 0x11, kIpv4Block));
  EXPECT_EQ(proxy_block_local(), block(0x20, 0x00, ""));
}

TEST(ProxyWrite, ItsChecksumCoversEveryByte) {
  const std::string good =
      proxy_block({address("192.0.2.1:1024"), address("198.51.100.2:443")}, {"a.test", "", "", "", true});
  ASSERT_EQ(read(good), "192.0.2.1:1024 198.51.100.2:443");
  // From the addresses on, but for what says that there is a checksum.
  for (std::size_t at = 16; at < good.size(); ++at) {
    if (at == good.size() - 7) continue;
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    EXPECT_NE(read(bad), read(good)) << at;
  }
}

// Each of them is a walk over the header, and 64 KiB have room for nine thousand.
TEST(ProxyHeader, HasOneChecksumAtMost) {
  const std::string none(4, '\0');
  std::string bytes = block(0x21, 0x11, kIpv4Block + tlv(0x03, none) + tlv(0x03, none));
  const std::uint32_t sum = Crc32c().add(bytes).value();
  for (std::size_t i = 0; i < 4; ++i) bytes[16 + 12 + 3 + i] = static_cast<char>(sum >> (24 - 8 * i) & 0xff);
  EXPECT_EQ(read(bytes), "tlv");
}

TEST(ProxyWrite, SaysLocalWhereItCanNameNobody) {
  const ProxyEnds ends{base::Address::unix_path(""), address("192.0.2.1:80")};
  EXPECT_EQ(proxy_block(ends, {"", "", "x", "", true}), proxy_block_local());
}

TEST(ProxyWrite, LeavesOutTheScopeOfALinkLocalClient) {
  const base::Address scoped = base::Address::ipv6(address("[fe80::1]:1").ipv6_host(), 1024, 2);
  const ProxyEnds ends{scoped, address("[fe80::2]:443")};
  EXPECT_EQ(proxy_line(ends), "PROXY TCP6 fe80::1 fe80::2 1024 443\r\n");
  EXPECT_EQ(read(proxy_block(ends, {})), "[fe80::1]:1024 [fe80::2]:443");
}

}  // namespace
}  // namespace weir::wire::proxy_header_test
