#include "wire/client_hello.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/host_name.h"

namespace weir::wire {
namespace {

constexpr unsigned char kHandshake = 22;   // ContentType
constexpr unsigned char kClientHello = 1;  // HandshakeType
constexpr std::size_t kMaxFragment = 1 << 14;
constexpr std::size_t kRandom = 32;
constexpr std::size_t kMaxName = 255;
constexpr std::uint16_t kServerName = 0;  // ExtensionType
constexpr std::uint16_t kProtocols = 16;

unsigned byte_at(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }

// Takes parts off the front of what it reads; each that is not there in full fails.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  bool is_empty() const { return rest_.empty(); }

  std::optional<std::string_view> take(std::size_t size) {
    if (rest_.size() < size) return std::nullopt;
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::optional<std::size_t> number(std::size_t size) {
    const auto bytes = take(size);
    if (!bytes) return std::nullopt;
    std::size_t number = 0;
    for (const char c : *bytes) number = number << 8 | static_cast<unsigned char>(c);
    return number;
  }

  // A vector with its length in front (RFC 8446 section 3.4).
  std::optional<std::string_view> vector(std::size_t length_bytes) {
    const auto size = number(length_bytes);
    return size ? take(*size) : std::nullopt;
  }

 private:
  std::string_view rest_;
};

bool is_printable(std::string_view name) {
  return std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

ClientHello::Outcome ClientHello::feed(std::string_view bytes) {
  while (outcome_ == Outcome::kNeedsMore && !bytes.empty()) {
    const std::size_t wanted = left_ > 0 ? left_ : kRecordHead - head_.size();
    const std::size_t taken = std::min({wanted, bytes.size(), kMax - seen_});
    if (taken == 0) {
      end(Outcome::kTooLong);
      break;
    }
    seen_ += taken;
    if (left_ > 0) {
      message_.append(bytes.substr(0, taken));
      left_ -= taken;
      on_payload();
    } else {
      head_.append(bytes.substr(0, taken));
      take_record_head();
    }
    bytes.remove_prefix(taken);
  }
  return outcome_;
}

// Looks at what there is of it, so that something else is told from it by its first byte.
void ClientHello::take_record_head() {
  const bool is_first = message_.empty();
  if (byte_at(head_, 0) != kHandshake || (head_.size() > 1 && byte_at(head_, 1) != 3)) {
    return is_first ? end(Outcome::kNotTls) : end(Outcome::kMalformed, "another record within the message");
  }
  if (head_.size() < kRecordHead) return;
  left_ = byte_at(head_, 3) << 8 | byte_at(head_, 4);
  head_.clear();
  if (left_ == 0) return end(Outcome::kMalformed, "an empty record");
  if (left_ > kMaxFragment) return end(Outcome::kMalformed, "a record of more than 16384 bytes");
}

void ClientHello::on_payload() {
  if (byte_at(message_, 0) != kClientHello) return end(Outcome::kMalformed, "another handshake message");
  if (message_.size() < kMessageHead) return;
  const std::size_t length = byte_at(message_, 1) << 16 | byte_at(message_, 2) << 8 | byte_at(message_, 3);
  if (kMessageHead + length > kMax) return end(Outcome::kTooLong);
  if (message_.size() < kMessageHead + length) return;
  on_message(std::string_view(message_).substr(kMessageHead, length));
  message_ = {};
}

void ClientHello::on_message(std::string_view body) {
  Reader reader(body);
  const auto version = reader.number(2);
  const auto random = reader.take(kRandom);
  const auto session = reader.vector(1);
  const auto ciphers = reader.vector(2);
  const auto compression = reader.vector(1);
  if (!version || !random || !session || !ciphers || !compression) {
    return end(Outcome::kMalformed, "it ends within its first fields");
  }
  if (*version >> 8 != 3) return end(Outcome::kMalformed, "its version is none of TLS");
  if (session->size() > 32) return end(Outcome::kMalformed, "a session id of more than 32 bytes");
  if (ciphers->size() < 2 || ciphers->size() % 2 != 0) return end(Outcome::kMalformed, "its list of ciphers");
  if (compression->empty()) return end(Outcome::kMalformed, "no compression method");
  if (reader.is_empty()) return end(Outcome::kComplete);  // before extensions were invented
  const auto extensions = reader.vector(2);
  if (!extensions || !reader.is_empty()) return end(Outcome::kMalformed, "the length of its extensions");
  on_extensions(*extensions);
}

void ClientHello::on_extensions(std::string_view extensions) {
  bool has_name = false;
  bool has_protocols = false;
  for (Reader reader(extensions); !reader.is_empty();) {
    const auto type = reader.number(2);
    const auto value = reader.vector(2);
    if (!type || !value) return end(Outcome::kMalformed, "an extension that overruns");
    if (*type == kServerName) {
      if (std::exchange(has_name, true)) return end(Outcome::kMalformed, "two extensions of one kind");
      if (!on_server_name(*value)) return end(Outcome::kMalformed, "its server name");
    } else if (*type == kProtocols) {
      if (std::exchange(has_protocols, true)) return end(Outcome::kMalformed, "two extensions of one kind");
      if (!on_protocols(*value)) return end(Outcome::kMalformed, "its list of protocols");
    }
  }
  end(Outcome::kComplete);
}

bool ClientHello::on_server_name(std::string_view value) {
  Reader reader(value);
  const auto list = reader.vector(2);
  if (!list || list->empty() || !reader.is_empty()) return false;
  for (Reader names(*list); !names.is_empty();) {
    const auto type = names.number(1);
    const auto name = names.vector(2);
    if (!type || !name) return false;
    if (*type != 0) continue;                 // host_name is the only type there is
    if (!server_name_.empty()) return false;  // RFC 6066: one of a type
    server_name_ = base::plain_host_name(*name);
    if (server_name_.empty() || server_name_.size() > kMaxName || !is_printable(server_name_)) return false;
  }
  return true;
}

bool ClientHello::on_protocols(std::string_view value) {
  Reader reader(value);
  const auto list = reader.vector(2);
  if (!list || list->empty() || !reader.is_empty()) return false;
  for (Reader protocols(*list); !protocols.is_empty();) {
    const auto protocol = protocols.vector(1);
    if (!protocol || protocol->empty()) return false;
    protocols_.emplace_back(*protocol);
  }
  return true;
}

void ClientHello::end(Outcome outcome, std::string_view fault) {
  outcome_ = outcome;
  fault_ = fault;
  if (outcome == Outcome::kComplete) return;
  message_ = {};
  server_name_.clear();
  protocols_.clear();
}

}  // namespace weir::wire
