"""The PROXY protocol as cases: a stream, and what becomes of it at a receiver that requires the header.

The cases follow HAProxy's "The PROXY protocol" of 2020/03/05. Where that leaves the choice to the receiver
the case is `free`, and `wanted` is what Weir has chosen. What nginx 1.22 and HAProxy 2.6 do instead is kept
with the reason, which is taken from their source.
"""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

REFUSED = "refused"  # closed or reset, and no byte has reached the backend
OWN = "own address"  # accepted; the client is who has connected
IPV4, IPV6 = "192.0.2.1:1024", "[2001:db8::1]:1024"  # accepted; the client is who the header names


@dataclasses.dataclass(frozen=True)
class Differs:
    """What one of the others does instead, and why."""

    does: str
    why: str
    always: bool = True  # or, when it happens so, what is wanted


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    segments: tuple[bytes, ...]  # of the header, sent one by one; the payload follows in its own
    wanted: str
    free: bool = False    # the specification lets the receiver choose
    nginx: Differs | None = None
    haproxy: Differs | None = None
    payload: bytes = b""
    joined: bool = False  # the payload comes in the last segment of the header
    ends: bool = False    # the client ends its stream right behind what it sends
    stalls: bool = False  # the client sends no more and waits

    def stream(self) -> list[bytes]:
        if self.joined:
            return [*self.segments[:-1], self.segments[-1] + self.payload]
        return [one for one in (*self.segments, self.payload) if one]


def case(name: str, wanted: str, *segments: bytes, **more: Any) -> Case:
    no_payload = more.get("ends") or more.get("stalls")
    more.setdefault("payload", b"" if no_payload else f"payload of {name}\r\n".encode())
    return Case(name, segments, wanted, **more)


# Why nginx does something else. Its header is read by ngx_proxy_protocol_read(), and what that finds becomes
# the client's address in the realip module.

NGINX_IN_PARTS = "nginx takes the header from one recv(), and a part of one is a broken one"
NGINX_107 = "nginx looks at 107 bytes, which is the longest line of version 1; at 4096 since 1.23.3"
NGINX_UNKNOWN = "nginx compares the seven letters of UNKNOWN and then looks for the next end of line"
NGINX_ADDRESS = ("nginx takes any word of hexadecimal digits, dots and colons for an address; one that the "
                 "realip module cannot read leaves the connection's own")
NGINX_NONE = "nginx has no other sign of an address that cannot be read than 255.255.255.255 (INADDR_NONE)"
NGINX_DESTINATION = "nginx reads no destination, and only sees to it that its letters are those of an address"
NGINX_FAMILY = "nginx takes an address of either family, whatever the protocol's name says"
NGINX_OCTETS = "ngx_inet_addr() takes leading zeros, and an empty octet for a zero"
NGINX_COLON = "ngx_inet6_addr() passes over a colon at the beginning"
NGINX_PORT = "ngx_atoi() takes leading zeros"
NGINX_COMMAND = "nginx takes every command but PROXY for LOCAL"
NGINX_OTHERS = "nginx skips the block of whatever is not TCP over IPv4 or IPv6, known or not"
NGINX_TLVS = "nginx 1.22 reads nothing behind the addresses"

# Why HAProxy does something else. Its header is read by conn_recv_proxy().

HAPROXY_IN_PARTS = "HAProxy looks once (MSG_PEEK), and has to find the whole header"
HAPROXY_BUFFER = "HAProxy looks at as many bytes as its buffer takes, 16384 (tune.bufsize)"
HAPROXY_UNKNOWN = "HAProxy takes UNKNOWN only with the end of the line right behind"
HAPROXY_OCTETS = ("inetaddr_host_lim_ret() takes up to four numbers, which may be empty, and adds up the "
                  "last three digits of each in its place, whatever that gives")
HAPROXY_PORT = "read_uint() takes any digits, and the port is the lowest 16 bits"
HAPROXY_FIELDS = ("HAProxy cuts the line of TCP6 at each space: an empty port is zero, and what follows the "
                  "fourth field is passed over")
HAPROXY_NUL = "inet_pton() ends at a NUL"
HAPROXY_TLV_START = ("HAProxy 2.6 looks for TLVs behind the addresses of TCP; of all else it takes the "
                     "signature for the first TLV, which overruns")
HAPROXY_AUTHORITY = "HAProxy keeps 255 bytes of an authority (PP2_AUTHORITY_MAX)"
HAPROXY_SSL = "HAProxy does not look into the TLV of TLS"

IN_PARTS: dict[str, Any] = {"free": True, "nginx": Differs(REFUSED, NGINX_IN_PARTS),
                            "haproxy": Differs(REFUSED, HAPROXY_IN_PARTS)}


# Version 1.

def line(text: str) -> bytes:
    """A line from its fields, in which other bytes are written as in a string."""
    return text.encode("latin-1") + b"\r\n"


TCP4 = line("PROXY TCP4 192.0.2.1 198.51.100.2 1024 443")
TCP6 = line("PROXY TCP6 2001:db8::1 2001:db8::2 1024 443")


def of_port(text: str) -> bytes:
    return line(f"PROXY TCP4 192.0.2.1 198.51.100.2 {text} 443")


def of_ipv4(text: str) -> bytes:
    return line(f"PROXY TCP4 {text} 198.51.100.2 1024 443")


def of_ipv6(text: str) -> bytes:
    return line(f"PROXY TCP6 {text} 2001:db8::2 1024 443")


def unknown_of(size: int) -> bytes:
    head = b"PROXY UNKNOWN "
    return head + b"f" * (size - len(head) - 2) + b"\r\n"


def one_by_one(header: bytes) -> list[bytes]:
    return [header[at:at + 1] for at in range(len(header))]


LINES = [
    case("v1_tcp4", IPV4, TCP4),
    case("v1_tcp4_longest", "255.255.255.255:65535",
         line("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535"), nginx=Differs(OWN, NGINX_NONE)),
    case("v1_tcp6", IPV6, TCP6),
    case("v1_tcp6_longest", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
         line("PROXY TCP6 " + " ".join(["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"] * 2) + " 65535 65535")),
    case("v1_tcp6_in_upper_case", IPV6, line("PROXY TCP6 2001:DB8::1 2001:DB8::2 1024 443")),
    case("v1_tcp6_written_out", IPV6, of_ipv6("2001:0db8:0000:0000:0000:0000:0000:0001")),
    case("v1_tcp6_ipv4_mapped", "[::ffff:192.0.2.1]:1024", of_ipv6("::ffff:192.0.2.1"), free=True),
    case("v1_ports_of_zero", "192.0.2.1:0", line("PROXY TCP4 192.0.2.1 198.51.100.2 0 0")),
    case("v1_and_no_payload", IPV4, TCP4, payload=b""),
    case("v1_twice_is_once_and_payload", IPV4, TCP4, payload=of_ipv4("192.0.2.99")),
]

UNKNOWN = [
    case("v1_unknown", OWN, line("PROXY UNKNOWN")),
    case("v1_unknown_with_addresses", OWN, line("PROXY UNKNOWN ffff::1 ffff::2 65535 65535"),
         haproxy=Differs(REFUSED, HAPROXY_UNKNOWN)),
    case("v1_unknown_with_a_space", OWN, line("PROXY UNKNOWN "), haproxy=Differs(REFUSED, HAPROXY_UNKNOWN)),
    case("v1_unknown_with_anything", OWN, line("PROXY UNKNOWN \n\x01\xff \r whatever"),
         haproxy=Differs(REFUSED, HAPROXY_UNKNOWN)),
    case("v1_unknown_worst_case", OWN,
         line("PROXY UNKNOWN " + " ".join(["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"] * 2) + " 65535 65535"),
         haproxy=Differs(REFUSED, HAPROXY_UNKNOWN)),
    case("v1_unknown_of_107_bytes", OWN, unknown_of(107), haproxy=Differs(REFUSED, HAPROXY_UNKNOWN)),
    case("v1_unknown_of_108_bytes", REFUSED, unknown_of(108)),
    case("v1_unknown_without_end_in_107", REFUSED, unknown_of(300)),
    case("v1_unknown_is_a_word", REFUSED, line("PROXY UNKNOWNS"), nginx=Differs(OWN, NGINX_UNKNOWN)),
    case("v1_unknown_runs_into_the_payload", REFUSED, b"PROXY UNKNOWN", joined=True,
         nginx=Differs(OWN + ", and the payload is b''", NGINX_UNKNOWN)),
    case("v1_unknown_in_lower_case", REFUSED, line("PROXY unknown")),
]

PROTOCOLS = [
    case("v1_prefix_in_lower_case", REFUSED, line("proxy TCP4 192.0.2.1 198.51.100.2 1024 443")),
    case("v1_protocol_in_lower_case", REFUSED, line("PROXY tcp4 192.0.2.1 198.51.100.2 1024 443")),
    case("v1_tcp5", REFUSED, line("PROXY TCP5 192.0.2.1 198.51.100.2 1024 443")),
    case("v1_udp4", REFUSED, line("PROXY UDP4 192.0.2.1 198.51.100.2 1024 443")),
    case("v1_tcp_alone", REFUSED, line("PROXY TCP 192.0.2.1 198.51.100.2 1024 443")),
    case("v1_ipv6_in_tcp4", REFUSED, line("PROXY TCP4 2001:db8::1 2001:db8::2 1024 443"),
         nginx=Differs(IPV6, NGINX_FAMILY)),
    case("v1_ipv4_in_tcp6", REFUSED, line("PROXY TCP6 192.0.2.1 198.51.100.2 1024 443"),
         nginx=Differs(IPV4, NGINX_FAMILY)),
    case("v1_ipv6_destination_in_tcp4", REFUSED, line("PROXY TCP4 192.0.2.1 2001:db8::2 1024 443"),
         nginx=Differs(IPV4, NGINX_DESTINATION)),
    case("v1_ipv4_destination_in_tcp6", REFUSED, line("PROXY TCP6 2001:db8::1 198.51.100.2 1024 443"),
         nginx=Differs(IPV6, NGINX_DESTINATION)),
]

FIELDS = [
    case("v1_two_spaces_first", REFUSED, line("PROXY  TCP4 192.0.2.1 198.51.100.2 1024 443")),
    case("v1_two_spaces_before_the_source", REFUSED, line("PROXY TCP4  192.0.2.1 198.51.100.2 1024 443")),
    case("v1_two_spaces_before_the_destination", REFUSED,
         line("PROXY TCP4 192.0.2.1  198.51.100.2 1024 443")),
    case("v1_two_spaces_before_a_port", REFUSED, line("PROXY TCP4 192.0.2.1 198.51.100.2 1024  443")),
    case("v1_tcp6_two_spaces", REFUSED, line("PROXY TCP6 2001:db8::1 2001:db8::2 1024  443"),
         haproxy=Differs(IPV6, HAPROXY_FIELDS)),
    case("v1_a_space_first", REFUSED, line(" PROXY TCP4 192.0.2.1 198.51.100.2 1024 443")),
    case("v1_a_space_at_the_end", REFUSED, line("PROXY TCP4 192.0.2.1 198.51.100.2 1024 443 ")),
    case("v1_a_tab", REFUSED, line("PROXY TCP4\t192.0.2.1 198.51.100.2 1024 443")),
    case("v1_a_field_more", REFUSED, line("PROXY TCP4 192.0.2.1 198.51.100.2 1024 443 1")),
    case("v1_tcp6_a_field_more", REFUSED, line("PROXY TCP6 2001:db8::1 2001:db8::2 1024 443 1"),
         haproxy=Differs(IPV6, HAPROXY_FIELDS)),
    case("v1_no_destination_port", REFUSED, line("PROXY TCP4 192.0.2.1 198.51.100.2 1024")),
    case("v1_no_ports", REFUSED, line("PROXY TCP4 192.0.2.1 198.51.100.2")),
    case("v1_no_addresses", REFUSED, line("PROXY TCP4")),
    case("v1_no_protocol", REFUSED, line("PROXY ")),
    case("v1_nothing_but_the_word", REFUSED, line("PROXY")),
    case("v1_a_nul_in_an_address", REFUSED, of_ipv4("192.0.2.1\0")),
    case("v1_tcp6_a_nul_in_an_address", REFUSED, of_ipv6("2001:db8::1\0"),
         haproxy=Differs(IPV6, HAPROXY_NUL)),
]

ADDRESSES = [
    case("v1_leading_zero_in_an_octet", REFUSED, of_ipv4("192.0.02.1"), nginx=Differs(IPV4, NGINX_OCTETS),
         haproxy=Differs(IPV4, HAPROXY_OCTETS)),
    case("v1_leading_zero_in_a_destination", REFUSED, line("PROXY TCP4 192.0.2.1 198.051.100.2 1024 443"),
         nginx=Differs(IPV4, NGINX_DESTINATION), haproxy=Differs(IPV4, HAPROXY_OCTETS)),
    case("v1_octet_of_256", REFUSED, of_ipv4("192.0.2.256"), nginx=Differs(OWN, NGINX_ADDRESS),
         haproxy=Differs("192.0.3.0:1024", HAPROXY_OCTETS)),
    case("v1_destination_octet_of_256", REFUSED, line("PROXY TCP4 192.0.2.1 198.51.100.256 1024 443"),
         nginx=Differs(IPV4, NGINX_DESTINATION), haproxy=Differs(IPV4, HAPROXY_OCTETS)),
    case("v1_three_octets", REFUSED, of_ipv4("192.0.2"), nginx=Differs(OWN, NGINX_ADDRESS),
         haproxy=Differs("192.0.2.0:1024", HAPROXY_OCTETS)),
    case("v1_five_octets", REFUSED, of_ipv4("192.0.2.1.1"), nginx=Differs(OWN, NGINX_ADDRESS)),
    case("v1_an_octet_missing", REFUSED, of_ipv4("192..2.1"), nginx=Differs(IPV4, NGINX_OCTETS),
         haproxy=Differs(IPV4, HAPROXY_OCTETS)),
    case("v1_a_dot_first", REFUSED, of_ipv4(".192.0.2.1"), nginx=Differs(OWN, NGINX_ADDRESS)),
    case("v1_a_dot_at_the_end", REFUSED, of_ipv4("192.0.2.1."), nginx=Differs(OWN, NGINX_ADDRESS)),
    case("v1_a_number_as_address", REFUSED, of_ipv4("3221225985"), nginx=Differs(OWN, NGINX_ADDRESS),
         haproxy=Differs("217.0.0.0:1024", HAPROXY_OCTETS)),
    case("v1_hexadecimal_octet", REFUSED, of_ipv4("0xc0.0.2.1")),
    case("v1_a_name_as_address", REFUSED, of_ipv4("localhost")),
    case("v1_two_double_colons", REFUSED, of_ipv6("2001::db8::1"), nginx=Differs(OWN, NGINX_ADDRESS)),
    case("v1_nine_groups", REFUSED, of_ipv6("1:2:3:4:5:6:7:8:9"), nginx=Differs(OWN, NGINX_ADDRESS)),
    case("v1_seven_groups", REFUSED, of_ipv6("1:2:3:4:5:6:7"), nginx=Differs(OWN, NGINX_ADDRESS)),
    case("v1_five_digits_in_a_group", REFUSED, of_ipv6("20011:db8::1"), nginx=Differs(OWN, NGINX_ADDRESS)),
    case("v1_a_single_colon_first", REFUSED, of_ipv6(":2001:db8::1"), nginx=Differs(IPV6, NGINX_COLON)),
    case("v1_three_colons", REFUSED, of_ipv6("2001:db8:::1"), nginx=Differs(OWN, NGINX_ADDRESS)),
    case("v1_a_letter_beyond_f", REFUSED, of_ipv6("2001:dg8::1")),
    case("v1_a_scope", REFUSED, of_ipv6("fe80::1%1")),
    case("v1_in_brackets", REFUSED, of_ipv6("[2001:db8::1]")),
]

PORTS = [
    case("v1_leading_zero_in_a_port", REFUSED, of_port("01024"), nginx=Differs(IPV4, NGINX_PORT),
         haproxy=Differs(IPV4, HAPROXY_PORT)),
    case("v1_two_zeros_as_port", REFUSED, of_port("00"), nginx=Differs("192.0.2.1:0", NGINX_PORT),
         haproxy=Differs("192.0.2.1:0", HAPROXY_PORT)),
    case("v1_leading_zero_in_the_second_port", REFUSED, line("PROXY TCP4 192.0.2.1 198.51.100.2 1024 0443"),
         nginx=Differs(IPV4, NGINX_PORT), haproxy=Differs(IPV4, HAPROXY_PORT)),
    case("v1_tcp6_leading_zero_in_a_port", REFUSED, line("PROXY TCP6 2001:db8::1 2001:db8::2 01024 443"),
         nginx=Differs(IPV6, NGINX_PORT), haproxy=Differs(IPV6, HAPROXY_PORT)),
    case("v1_port_of_65536", REFUSED, of_port("65536"), haproxy=Differs("192.0.2.1:0", HAPROXY_PORT)),
    case("v1_destination_port_of_65536", REFUSED, line("PROXY TCP4 192.0.2.1 198.51.100.2 1024 65536"),
         haproxy=Differs(IPV4, HAPROXY_PORT)),
    case("v1_tcp6_port_of_65536", REFUSED, line("PROXY TCP6 2001:db8::1 2001:db8::2 65536 443"),
         haproxy=Differs("[2001:db8::1]:0", HAPROXY_PORT)),
    case("v1_port_of_many_digits", REFUSED, of_port("18446744073709552640"),
         haproxy=Differs(IPV4, HAPROXY_PORT)),
    case("v1_port_below_zero", REFUSED, of_port("-1")),
    case("v1_port_with_a_sign", REFUSED, of_port("+1024")),
    case("v1_port_in_hexadecimal", REFUSED, of_port("0x400")),
    case("v1_port_by_name", REFUSED, of_port("http")),
    case("v1_port_with_a_fraction", REFUSED, of_port("1024.0")),
]

LINE_ENDS = [
    case("v1_line_feed_alone", REFUSED, TCP4[:-2] + b"\n"),
    case("v1_tcp6_line_feed_alone", REFUSED, TCP6[:-2] + b"\n"),
    case("v1_carriage_return_alone", REFUSED, TCP4[:-2] + b"\r"),
    case("v1_carriage_return_and_more", REFUSED, TCP4[:-2] + b"\rX\r\n"),
    case("v1_carriage_return_twice", REFUSED, TCP4[:-2] + b"\r\r\n"),
    case("v1_line_feed_before_carriage_return", REFUSED, TCP4[:-2] + b"\n\r"),
    case("v1_unknown_line_feed_alone", REFUSED, b"PROXY UNKNOWN\n"),
    case("v1_no_end_in_107", REFUSED, b"PROXY TCP6 " + b"f" * 200),
]

LINES_IN_SEGMENTS = [
    case("v1_payload_in_the_same_segment", IPV4, TCP4, joined=True),
    case("v1_unknown_payload_in_the_same_segment", OWN, line("PROXY UNKNOWN"), joined=True),
    case("v1_in_two_segments", IPV4, TCP4[:20], TCP4[20:], **IN_PARTS),
    case("v1_cut_in_its_first_word", IPV4, TCP4[:3], TCP4[3:], **IN_PARTS),
    case("v1_cut_in_its_end", IPV4, TCP4[:-1], TCP4[-1:], **IN_PARTS),
    case("v1_cut_in_its_end_and_payload", IPV4, TCP4[:-1], TCP4[-1:], joined=True, **IN_PARTS),
    case("v1_in_single_bytes", IPV4, *one_by_one(TCP4), **IN_PARTS),
    case("v1_tcp6_in_single_bytes", IPV6, *one_by_one(TCP6), **IN_PARTS),
    case("v1_unknown_in_single_bytes", OWN, *one_by_one(line("PROXY UNKNOWN")), **IN_PARTS),
]

# Version 2.

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL, PROXY = 0x20, 0x21
INET, INET6, UNIX, UNSPEC = 0x11, 0x21, 0x31, 0x00  # with the transport: a stream, but none of UNSPEC
DATAGRAM = 1  # added to these

INET_BLOCK = bytes([192, 0, 2, 1, 198, 51, 100, 2]) + (1024).to_bytes(2, "big") + (443).to_bytes(2, "big")
INET6_BLOCK = (bytes.fromhex("20010db8") + bytes(11) + b"\1" + bytes.fromhex("20010db8") + bytes(11) + b"\2"
               + (1024).to_bytes(2, "big") + (443).to_bytes(2, "big"))
UNIX_BLOCK = b"/client".ljust(108, b"\0") + b"/server".ljust(108, b"\0")

ALPN, AUTHORITY, CRC32C, NOOP, UNIQUE_ID, SSL, SSL_VERSION, SSL_CN, NETNS = (
    0x01, 0x02, 0x03, 0x04, 0x05, 0x20, 0x21, 0x22, 0x30)


def with_length(rest: bytes, length: int | None) -> bytes:
    """Its length, or another one, and then `rest`."""
    return (len(rest) if length is None else length).to_bytes(2, "big") + rest


def block(command: int, family: int, rest: bytes = b"", length: int | None = None) -> bytes:
    return SIGNATURE + bytes([command, family]) + with_length(rest, length)


def tlv(kind: int, value: bytes, length: int | None = None) -> bytes:
    return bytes([kind]) + with_length(value, length)


def with_tlvs(*tlvs: bytes) -> bytes:
    return block(PROXY, INET, INET_BLOCK + b"".join(tlvs))


def crc32c(data: bytes) -> int:
    """As in RFC 4960, appendix B."""
    remainder = 0xFFFFFFFF
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = remainder >> 1 ^ (0x82F63B78 if remainder & 1 else 0)
    return remainder ^ 0xFFFFFFFF


def checked(command: int, family: int, addresses: bytes, *tlvs: bytes, error: int = 0) -> bytes:
    """A header with a checksum behind the addresses, and TLVs behind that."""
    def build(value: int) -> bytes:
        return block(command, family, addresses + tlv(CRC32C, value.to_bytes(4, "big")) + b"".join(tlvs))
    return build(crc32c(build(0)) ^ error)


def ssl(*within: bytes) -> bytes:
    return tlv(SSL, b"\1" + bytes(4) + b"".join(within))


BLOCKS = [
    case("v2_tcp4", IPV4, block(PROXY, INET, INET_BLOCK)),
    case("v2_tcp6", IPV6, block(PROXY, INET6, INET6_BLOCK)),
    case("v2_tcp6_ipv4_mapped", "[::ffff:192.0.2.1]:1024",
         block(PROXY, INET6, bytes(10) + b"\xff\xff" + INET_BLOCK[:4] + INET6_BLOCK[16:])),
    case("v2_and_no_payload", IPV4, block(PROXY, INET, INET_BLOCK), payload=b""),
    case("v2_twice_is_once_and_payload", IPV4, block(PROXY, INET, INET_BLOCK),
         payload=block(PROXY, INET6, INET6_BLOCK)),
    case("v2_and_a_line_as_payload", IPV4, block(PROXY, INET, INET_BLOCK), payload=TCP6),
    case("v2_unspecified", OWN, block(PROXY, UNSPEC), free=True, haproxy=Differs(REFUSED, HAPROXY_TLV_START)),
    case("v2_unspecified_with_anything", OWN, block(PROXY, UNSPEC, b"whatever"), free=True,
         haproxy=Differs(REFUSED, HAPROXY_TLV_START)),
    case("v2_unspecified_stream", OWN, block(PROXY, 0x01), free=True,
         haproxy=Differs(REFUSED, HAPROXY_TLV_START)),
    case("v2_ipv4_of_unspecified_transport", OWN, block(PROXY, 0x10, INET_BLOCK), free=True,
         haproxy=Differs(REFUSED, HAPROXY_TLV_START)),
    case("v2_ipv6_of_unspecified_transport", OWN, block(PROXY, 0x20, INET6_BLOCK), free=True,
         haproxy=Differs(REFUSED, HAPROXY_TLV_START)),
    case("v2_udp4", OWN, block(PROXY, INET + DATAGRAM, INET_BLOCK), free=True,
         haproxy=Differs(REFUSED, HAPROXY_TLV_START)),
    case("v2_udp6", OWN, block(PROXY, INET6 + DATAGRAM, INET6_BLOCK), free=True,
         haproxy=Differs(REFUSED, HAPROXY_TLV_START)),
    case("v2_unix_stream", OWN, block(PROXY, UNIX, UNIX_BLOCK), free=True, nginx=Differs(REFUSED, NGINX_107),
         haproxy=Differs(REFUSED, HAPROXY_TLV_START)),
    case("v2_unix_datagram", OWN, block(PROXY, UNIX + DATAGRAM, UNIX_BLOCK), free=True,
         nginx=Differs(REFUSED, NGINX_107), haproxy=Differs(REFUSED, HAPROXY_TLV_START)),
]

LOCALS = [
    case("v2_local", OWN, block(LOCAL, UNSPEC)),
    case("v2_local_with_ipv4", OWN, block(LOCAL, INET, INET_BLOCK)),
    case("v2_local_with_ipv6", OWN, block(LOCAL, INET6, INET6_BLOCK)),
    case("v2_local_with_unix", OWN, block(LOCAL, UNIX, UNIX_BLOCK), nginx=Differs(REFUSED, NGINX_107)),
    case("v2_local_with_a_short_block", OWN, block(LOCAL, INET, b"xy")),
    case("v2_local_of_unknown_family", OWN, block(LOCAL, 0xFF, b"anything")),
    case("v2_local_with_a_tlv", OWN, block(LOCAL, UNSPEC, tlv(AUTHORITY, b"a.test"))),
    case("v2_local_with_a_tlv_that_overruns", OWN, block(LOCAL, INET, INET_BLOCK + tlv(NOOP, b"", 9))),
    case("v2_local_with_a_wrong_checksum", OWN, checked(LOCAL, INET, INET_BLOCK, error=1)),
    case("v2_local_of_500_bytes", OWN, block(LOCAL, UNSPEC, tlv(NOOP, bytes(481))),
         nginx=Differs(REFUSED, NGINX_107)),
]

HEADS = [
    case("v2_version_0", REFUSED, block(0x01, INET, INET_BLOCK)),
    case("v2_version_1", REFUSED, block(0x11, INET, INET_BLOCK)),
    case("v2_version_3", REFUSED, block(0x31, INET, INET_BLOCK)),
    case("v2_version_15", REFUSED, block(0xF1, INET, INET_BLOCK)),
    case("v2_version_3_local", REFUSED, block(0x30, UNSPEC)),
    case("v2_command_2", REFUSED, block(0x22, INET, INET_BLOCK), nginx=Differs(OWN, NGINX_COMMAND)),
    case("v2_command_15", REFUSED, block(0x2F, INET, INET_BLOCK), nginx=Differs(OWN, NGINX_COMMAND)),
    case("v2_family_4", REFUSED, block(PROXY, 0x41, INET_BLOCK), nginx=Differs(OWN, NGINX_OTHERS)),
    case("v2_family_15", REFUSED, block(PROXY, 0xF1, INET_BLOCK), nginx=Differs(OWN, NGINX_OTHERS)),
    case("v2_transport_3", REFUSED, block(PROXY, 0x13, INET_BLOCK), nginx=Differs(OWN, NGINX_OTHERS)),
    case("v2_transport_15", REFUSED, block(PROXY, 0x1F, INET_BLOCK), nginx=Differs(OWN, NGINX_OTHERS)),
    case("v2_unspecified_family_of_transport_3", REFUSED, block(PROXY, 0x03),
         nginx=Differs(OWN, NGINX_OTHERS)),
]

SHORT_BLOCKS = [
    case("v2_ipv4_without_addresses", REFUSED, block(PROXY, INET)),
    case("v2_ipv4_block_short_by_one", REFUSED, block(PROXY, INET, INET_BLOCK[:-1])),
    case("v2_ipv6_without_addresses", REFUSED, block(PROXY, INET6)),
    case("v2_ipv6_block_short_by_one", REFUSED, block(PROXY, INET6, INET6_BLOCK[:-1])),
    case("v2_ipv6_with_a_block_of_ipv4", REFUSED, block(PROXY, INET6, INET_BLOCK)),
    case("v2_udp4_block_short_by_one", REFUSED, block(PROXY, INET + DATAGRAM, INET_BLOCK[:-1]), free=True,
         nginx=Differs(OWN, NGINX_OTHERS)),
    case("v2_unix_block_short_by_one", REFUSED, block(PROXY, UNIX, UNIX_BLOCK[:-1]), free=True),
    case("v2_unix_without_addresses", REFUSED, block(PROXY, UNIX), free=True,
         nginx=Differs(OWN, NGINX_OTHERS)),
    case("v2_ipv4_with_a_block_of_ipv6", REFUSED, block(PROXY, INET, INET6_BLOCK), free=True,
         nginx=Differs("32.1.13.184:0", NGINX_TLVS)),
]

TLVS = [
    case("v2_alpn", IPV4, with_tlvs(tlv(ALPN, b"h2"))),
    case("v2_authority", IPV4, with_tlvs(tlv(AUTHORITY, b"a.test"))),
    case("v2_authority_of_255", IPV4, with_tlvs(tlv(AUTHORITY, b"a" * 255)),
         nginx=Differs(REFUSED, NGINX_107)),
    case("v2_authority_of_256", IPV4, with_tlvs(tlv(AUTHORITY, b"a" * 256)),
         nginx=Differs(REFUSED, NGINX_107), haproxy=Differs(REFUSED, HAPROXY_AUTHORITY)),
    case("v2_noop", IPV4, with_tlvs(tlv(NOOP, b"12345"))),
    case("v2_noop_empty", IPV4, with_tlvs(tlv(NOOP, b""))),
    case("v2_netns", IPV4, with_tlvs(tlv(NETNS, b"blue"))),
    case("v2_tlv_unassigned", IPV4, with_tlvs(tlv(0x40, b"what"))),
    case("v2_tlv_custom", IPV4, with_tlvs(tlv(0xE5, b"mine"))),
    case("v2_tlv_experiment", IPV4, with_tlvs(tlv(0xF0, b"try"))),
    case("v2_tlv_future", IPV4, with_tlvs(tlv(0xFF, b"later"))),
    case("v2_several_tlvs", IPV4, with_tlvs(tlv(ALPN, b"h2"), tlv(NOOP, b""), tlv(UNIQUE_ID, b"id"), ssl())),
    case("v2_tcp6_with_a_tlv", IPV6, block(PROXY, INET6, INET6_BLOCK + tlv(AUTHORITY, b"a.test"))),
    case("v2_unix_with_a_tlv", OWN, block(PROXY, UNIX, UNIX_BLOCK + tlv(ALPN, b"h2")), free=True,
         nginx=Differs(REFUSED, NGINX_107), haproxy=Differs(REFUSED, HAPROXY_TLV_START)),
    case("v2_of_107_bytes", IPV4, with_tlvs(tlv(NOOP, bytes(107 - 31)))),
    case("v2_of_108_bytes", IPV4, with_tlvs(tlv(NOOP, bytes(108 - 31))), nginx=Differs(REFUSED, NGINX_107)),
    case("v2_of_536_bytes", IPV4, with_tlvs(tlv(NOOP, bytes(536 - 31))), nginx=Differs(REFUSED, NGINX_107)),
    case("v2_of_16384_bytes", IPV4, with_tlvs(tlv(NOOP, bytes(16384 - 31))),
         nginx=Differs(REFUSED, NGINX_107)),
    case("v2_of_16385_bytes", IPV4, with_tlvs(tlv(NOOP, bytes(16385 - 31))),
         nginx=Differs(REFUSED, NGINX_107), haproxy=Differs(REFUSED, HAPROXY_BUFFER)),
    case("v2_of_65551_bytes", IPV4, with_tlvs(tlv(NOOP, bytes(65551 - 31))), free=True,
         nginx=Differs(REFUSED, NGINX_107), haproxy=Differs(REFUSED, HAPROXY_BUFFER)),
    case("v2_tlv_cut_behind_its_type", REFUSED, with_tlvs(b"\2"), free=True, nginx=Differs(IPV4, NGINX_TLVS)),
    case("v2_tlv_cut_in_its_length", REFUSED, with_tlvs(b"\2\0"), free=True, nginx=Differs(IPV4, NGINX_TLVS)),
    case("v2_tlv_overruns_by_one", REFUSED, with_tlvs(tlv(AUTHORITY, b"a.test", 7)), free=True,
         nginx=Differs(IPV4, NGINX_TLVS)),
    case("v2_tlv_overruns_by_far", REFUSED, with_tlvs(tlv(NOOP, b"", 0xFFFF)), free=True,
         nginx=Differs(IPV4, NGINX_TLVS)),
    case("v2_second_tlv_overruns", REFUSED, with_tlvs(tlv(ALPN, b"h2"), tlv(AUTHORITY, b"a.test", 99)),
         free=True, nginx=Differs(IPV4, NGINX_TLVS)),
    case("v2_tcp6_tlv_overruns", REFUSED, block(PROXY, INET6, INET6_BLOCK + tlv(NOOP, b"", 1)), free=True,
         nginx=Differs(IPV6, NGINX_TLVS)),
    case("v2_udp4_tlv_overruns", REFUSED, block(PROXY, INET + DATAGRAM, INET_BLOCK + tlv(NOOP, b"", 1)),
         free=True, nginx=Differs(OWN, NGINX_OTHERS)),
    case("v2_unix_tlv_overruns", REFUSED, block(PROXY, UNIX, UNIX_BLOCK + tlv(NOOP, b"", 1)), free=True),
    case("v2_unspecified_tlv_overruns", OWN, block(PROXY, UNSPEC, tlv(NOOP, b"", 1)), free=True,
         haproxy=Differs(REFUSED, HAPROXY_TLV_START)),
]

CHECKED_TLVS = [
    case("v2_checksum", IPV4, checked(PROXY, INET, INET_BLOCK)),
    case("v2_tcp6_checksum", IPV6, checked(PROXY, INET6, INET6_BLOCK)),
    case("v2_checksum_and_more", IPV4, checked(PROXY, INET, INET_BLOCK, tlv(ALPN, b"h2"), tlv(NOOP, b"123"))),
    case("v2_checksum_wrong", REFUSED, checked(PROXY, INET, INET_BLOCK, error=1), free=True,
         nginx=Differs(IPV4, NGINX_TLVS)),
    case("v2_checksum_of_zeros", REFUSED, with_tlvs(tlv(CRC32C, bytes(4))), free=True,
         nginx=Differs(IPV4, NGINX_TLVS)),
    case("v2_udp4_checksum_wrong", REFUSED, checked(PROXY, INET + DATAGRAM, INET_BLOCK, error=1), free=True,
         nginx=Differs(OWN, NGINX_OTHERS)),
    case("v2_unspecified_checksum_wrong", OWN, checked(PROXY, UNSPEC, b"", error=1), free=True,
         haproxy=Differs(REFUSED, HAPROXY_TLV_START)),
    case("v2_checksum_of_3_bytes", REFUSED, with_tlvs(tlv(CRC32C, bytes(3))), free=True,
         nginx=Differs(IPV4, NGINX_TLVS)),
    case("v2_checksum_of_5_bytes", REFUSED, with_tlvs(tlv(CRC32C, bytes(5))), free=True,
         nginx=Differs(IPV4, NGINX_TLVS)),
    case("v2_checksum_empty", REFUSED, with_tlvs(tlv(CRC32C, b"")), free=True,
         nginx=Differs(IPV4, NGINX_TLVS)),
    case("v2_unique_id_of_128", IPV4, with_tlvs(tlv(UNIQUE_ID, b"i" * 128)),
         nginx=Differs(REFUSED, NGINX_107)),
    case("v2_unique_id_of_129", REFUSED, with_tlvs(tlv(UNIQUE_ID, b"i" * 129)), free=True),
    case("v2_unique_id_empty", IPV4, with_tlvs(tlv(UNIQUE_ID, b""))),
    case("v2_ssl", IPV4, with_tlvs(ssl(tlv(SSL_VERSION, b"TLSv1.3"), tlv(SSL_CN, b"a.test")))),
    case("v2_ssl_without_parts", IPV4, with_tlvs(ssl())),
    case("v2_ssl_too_short", REFUSED, with_tlvs(tlv(SSL, bytes(4))), free=True,
         nginx=Differs(IPV4, NGINX_TLVS), haproxy=Differs(IPV4, HAPROXY_SSL)),
    case("v2_ssl_part_overruns", REFUSED, with_tlvs(ssl(tlv(SSL_VERSION, b"v", 9))), free=True,
         nginx=Differs(IPV4, NGINX_TLVS), haproxy=Differs(IPV4, HAPROXY_SSL)),
    case("v2_ssl_part_overruns_into_the_next", REFUSED,
         with_tlvs(ssl(tlv(SSL_VERSION, b"v", 4)), tlv(NOOP, b"")), free=True,
         nginx=Differs(IPV4, NGINX_TLVS), haproxy=Differs(IPV4, HAPROXY_SSL)),
    case("v2_ssl_part_cut", REFUSED, with_tlvs(ssl(b"\x21\0")), free=True, nginx=Differs(IPV4, NGINX_TLVS),
         haproxy=Differs(IPV4, HAPROXY_SSL)),
]


def cut_at(header: bytes, *places: int) -> list[bytes]:
    bounds = [0, *places, len(header)]
    return [header[one:next_one] for one, next_one in itertools.pairwise(bounds)]


WITH_TLV = with_tlvs(tlv(AUTHORITY, b"a.test"))

BLOCKS_IN_SEGMENTS = [
    case("v2_payload_in_the_same_segment", IPV4, block(PROXY, INET, INET_BLOCK), joined=True),
    case("v2_local_payload_in_the_same_segment", OWN, block(LOCAL, UNSPEC), joined=True),
    case("v2_cut_in_its_signature", IPV4, *cut_at(WITH_TLV, 5), **IN_PARTS),
    case("v2_cut_behind_its_signature", IPV4, *cut_at(WITH_TLV, 12), **IN_PARTS),
    case("v2_cut_in_its_length", IPV4, *cut_at(WITH_TLV, 15), **IN_PARTS),
    case("v2_cut_behind_its_length", IPV4, *cut_at(WITH_TLV, 16), **IN_PARTS),
    case("v2_cut_in_its_addresses", IPV4, *cut_at(WITH_TLV, 20), **IN_PARTS),
    case("v2_cut_in_a_tlv", IPV4, *cut_at(WITH_TLV, 30), **IN_PARTS),
    case("v2_cut_and_payload", IPV4, *cut_at(WITH_TLV, 30), joined=True, **IN_PARTS),
    case("v2_in_single_bytes", IPV4, *one_by_one(WITH_TLV), **IN_PARTS),
    case("v2_local_in_single_bytes", OWN, *one_by_one(block(LOCAL, INET, INET_BLOCK)), **IN_PARTS),
]

# Other streams, and streams that end or stop too early.

CLIENT_HELLO = (bytes.fromhex("160301002f0100002b0303") + bytes(range(32))
                + bytes.fromhex("000002130101000000"))

OTHERS = [
    case("http", REFUSED, b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"),
    case("tls", REFUSED, CLIENT_HELLO),
    case("ssh", REFUSED, b"SSH-2.0-OpenSSH_9.2\r\n"),
    case("zeros", REFUSED, bytes(64)),
    case("a_line_before_the_header", REFUSED, b"\r\n" + TCP4),
    case("a_byte_before_the_header", REFUSED, b"\0" + block(PROXY, INET, INET_BLOCK)),
    case("another_word", REFUSED, line("PROXYX TCP4 192.0.2.1 198.51.100.2 1024 443")),
    case("signature_differs_in_its_last_byte", REFUSED,
         SIGNATURE[:-1] + b"\r" + block(PROXY, INET, INET_BLOCK)[12:]),
    case("signature_differs_in_its_nul", REFUSED,
         SIGNATURE.replace(b"\0", b"\1") + block(PROXY, INET, INET_BLOCK)[12:]),
    case("signature_breaks_off_for_text", REFUSED, SIGNATURE[:8] + b"uestion\r\n"),
    case("signature_breaks_off_in_the_next_segment", REFUSED, SIGNATURE[:8], b"uestion\r\n"),
    case("signature_and_a_line", REFUSED, SIGNATURE + TCP4),
]

# Seen on a busy machine only.
HAPROXY_MAY_GIVE_UP = Differs(
    REFUSED, "HAProxy gives a connect up that is under way when the client has ended its stream and nothing "
    "of it is to be sent (back_handle_st_con)", always=False)

ENDS = [
    case("end_at_once", REFUSED, ends=True),
    case("v1_end_in_its_first_word", REFUSED, TCP4[:3], ends=True),
    case("v1_end_in_an_address", REFUSED, TCP4[:20], ends=True),
    case("v1_end_before_the_line_feed", REFUSED, TCP4[:-1], ends=True),
    case("v1_end_behind_it", IPV4, TCP4, ends=True, haproxy=HAPROXY_MAY_GIVE_UP),
    case("v1_end_behind_the_payload", IPV4, TCP4, ends=True, payload=b"payload\r\n", joined=True),
    case("v1_unknown_end_before_the_line_feed", REFUSED, b"PROXY UNKNOWN\r", ends=True),
    case("v2_end_in_its_signature", REFUSED, SIGNATURE[:7], ends=True),
    case("v2_end_behind_its_signature", REFUSED, SIGNATURE, ends=True),
    case("v2_end_behind_its_length", REFUSED, WITH_TLV[:16], ends=True),
    case("v2_end_in_its_addresses", REFUSED, WITH_TLV[:20], ends=True),
    case("v2_end_in_a_tlv", REFUSED, WITH_TLV[:-1], ends=True),
    case("v2_local_end_in_its_block", REFUSED, block(LOCAL, INET, INET_BLOCK)[:-1], ends=True),
    case("v2_end_behind_it", IPV4, WITH_TLV, ends=True, haproxy=HAPROXY_MAY_GIVE_UP),
]

STALLS = [
    case("stalls_at_once", REFUSED, stalls=True),
    case("v1_stalls_in_its_first_word", REFUSED, TCP4[:3], stalls=True),
    case("v1_stalls_before_the_line_feed", REFUSED, TCP4[:-1], stalls=True),
    case("v2_stalls_in_its_signature", REFUSED, SIGNATURE[:7], stalls=True),
    case("v2_stalls_in_its_addresses", REFUSED, WITH_TLV[:20], stalls=True),
    case("v2_stalls_as_its_length_is_too_large", REFUSED, block(PROXY, INET, INET_BLOCK, 99), stalls=True),
    case("v2_local_stalls_in_its_block", REFUSED, block(LOCAL, INET, INET_BLOCK)[:-1], stalls=True),
]

TABLE: Sequence[Case] = [
    *LINES, *UNKNOWN, *PROTOCOLS, *FIELDS, *ADDRESSES, *PORTS, *LINE_ENDS, *LINES_IN_SEGMENTS,
    *BLOCKS, *LOCALS, *HEADS, *SHORT_BLOCKS, *TLVS, *CHECKED_TLVS, *BLOCKS_IN_SEGMENTS,
    *OTHERS, *ENDS, *STALLS,
]
