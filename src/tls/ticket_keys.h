// The keys that session tickets are sealed with (RFC 5077 section 4, RFC 8446 section 4.6.1), shared by all
// workers and by the contexts that follow each other: a client may resume at any of them. Either random ones,
// of which a new one takes over every hour, or those of a file, which other hosts may share. Thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace weir::tls {

// A ticket can be resumed for as long.
inline constexpr std::chrono::hours kTicketLife{2};

// Its name, which a ticket shows, and the secrets. Wiped from memory at its end.
struct TicketKey {
  static constexpr std::size_t kBytes = 80;

  TicketKey() = default;
  TicketKey(const TicketKey&) = default;
  TicketKey& operator=(const TicketKey&) = default;
  ~TicketKey();

  std::array<unsigned char, 16> name{};
  std::array<unsigned char, 32> mac{};     // HMAC-SHA256
  std::array<unsigned char, 32> cipher{};  // AES-256-CBC
};

class TicketKeys {
 public:
  // Random keys: the newest makes tickets for an hour, older ones are kept until the last of theirs has
  // ended.
  static std::shared_ptr<TicketKeys> random();

  // Of a file of one or more keys of 80 bytes: name, MAC's and cipher's secret, as they are (not text). The
  // first makes tickets, all read them. Errors: it cannot be opened, is empty, or its size is not a multiple
  // of 80. A file that others may read adds to `warnings`.
  static base::Result<std::shared_ptr<TicketKeys>> from_file(const std::string& file,
                                                             std::vector<std::string>& warnings);

  // A random key and for how long it has been there.
  struct AgedKey {
    TicketKey key;
    base::Millis age{0};
  };
  // Those that it has, the newest first; none of those of a file. For another process of this host.
  std::vector<AgedKey> aged(base::TimePoint now) const;
  // Goes on with those, the newest first, where its own would be random ones.
  void go_on_with(const std::vector<AgedKey>& keys, base::TimePoint now);

  // Goes on with the keys of `fresh`; tickets of keys that are not among them are no longer read.
  void replace(const TicketKeys& fresh);

  // What a new ticket is sealed with; nothing when the system has no random bytes.
  std::optional<TicketKey> for_new_ticket(base::TimePoint now);

  struct Found {
    TicketKey key;
    bool makes_tickets = false;  // else the ticket is to be renewed
  };
  // The key of that name; nothing when it is unknown or has ended.
  std::optional<Found> find(std::span<const unsigned char, 16> name, base::TimePoint now);

 private:
  struct Dated {
    TicketKey key;
    base::TimePoint made;
  };

  explicit TicketKeys(bool rotates) : rotates_(rotates) {}
  void forget_old(base::TimePoint now);

  mutable std::mutex mutex_;
  bool rotates_;
  std::deque<Dated> keys_;  // the first makes tickets
};

}  // namespace weir::tls
