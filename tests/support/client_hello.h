// A ClientHello (RFC 8446 section 4.1.2) as bytes, for tests of what reads one. It is good enough for that,
// not for a handshake.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace weir::test {

// So many bytes, the highest first.
inline std::string big_endian(std::size_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
  return out;
}

// The content with its length in front.
inline std::string with_length(const std::string& content, int bytes) {
  return big_endian(content.size(), bytes) + content;
}

// For that name (empty: none) and these protocols, with `padding` bytes of an extension that nobody knows; in
// records of at most `record` bytes.
inline std::string client_hello(const std::string& name, const std::vector<std::string>& protocols = {},
                                std::size_t padding = 0, std::size_t record = 16'384) {
  std::string extensions;
  if (!name.empty()) {
    const std::string list = std::string(1, '\0') + with_length(name, 2);
    extensions += big_endian(0, 2) + with_length(with_length(list, 2), 2);
  }
  std::string offered;
  for (const std::string& protocol : protocols) offered += with_length(protocol, 1);
  if (!offered.empty()) extensions += big_endian(16, 2) + with_length(with_length(offered, 2), 2);
  if (padding > 0) extensions += big_endian(0x0a0a, 2) + with_length(std::string(padding, 'p'), 2);
  const std::string body = "\x03\x03" + std::string(32, 'r') + with_length("", 1) +
                           with_length("\x13\x01", 2) + with_length(std::string(1, '\0'), 1) +
                           with_length(extensions, 2);
  const std::string message = "\x01" + with_length(body, 3);
  std::string out;
  for (std::size_t at = 0; at < message.size(); at += record) {
    out += "\x16\x03\x01" + with_length(message.substr(at, record), 2);
  }
  return out;
}

}  // namespace weir::test
