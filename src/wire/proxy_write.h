// Writes the header of the PROXY protocol (HAProxy, "The PROXY protocol", 2020/03/05): what goes to a backend
// in front of the client's first byte. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/address.h"

namespace weir::wire {

// Of a connection, as the next hop is to see it.
struct ProxyEnds {
  base::Address source;       // the client
  base::Address destination;  // where it has connected to
};

// What version 2 can say besides; what is empty is left out. Values are at most 65 532 bytes, `unique_id` at
// most 128 (`kMaxUniqueId`).
struct ProxyTlvs {
  std::string_view authority;
  std::string_view alpn;
  std::string_view unique_id;
  std::string_view ssl;  // PP2_TYPE_SSL's value: flags, the outcome of the verification, and TLVs within
  bool crc32c = false;
};

// What a client's TLS connection says of it, for `ProxyTlvs::ssl`; what is empty is left out. A client's
// certificate is one that was verified.
struct ProxySsl {
  bool has_certificate = false;
  bool is_resumed = false;       // the certificate was shown on an earlier connection
  std::string_view version;      // "TLSv1.3"
  std::string_view common_name;  // of the client's certificate, in UTF-8
  std::string_view cipher;
  std::string_view signature_algorithm;  // these two of our own certificate
  std::string_view key_algorithm;
};

// Section 2.2.5. Values are at most 255 bytes; what is longer is left out.
std::string proxy_ssl(const ProxySsl& client);

// "PROXY TCP4 ...\r\n". IPv4 ends beside an IPv6 one are written as IPv4-mapped IPv6; where an end is not IP
// it is "PROXY UNKNOWN\r\n".
std::string proxy_line(const ProxyEnds& ends);

// The same in version 2; where an end is not IP it is LOCAL without anything, which every receiver takes (a
// header for a client without a family it may refuse).
std::string proxy_block(const ProxyEnds& ends, const ProxyTlvs& tlvs);

// Version 2 for a connection of one's own, like a check: LOCAL, without anything.
std::string proxy_block_local();

}  // namespace weir::wire
