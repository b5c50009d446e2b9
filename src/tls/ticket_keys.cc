#include "tls/ticket_keys.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>

#include "tls/pem.h"

namespace weir::tls {
namespace {

constexpr std::chrono::hours kTurn{1};

template <std::size_t N>
void take_bytes(std::string_view& text, std::array<unsigned char, N>& to) {
  std::copy_n(text.begin(), N, to.begin());
  text.remove_prefix(N);
}

TicketKey parse_key(std::string_view text) {
  TicketKey key;
  take_bytes(text, key.name);
  take_bytes(text, key.mac);
  take_bytes(text, key.cipher);
  return key;
}

template <std::size_t N>
bool fill(std::array<unsigned char, N>& secret) {
  return RAND_priv_bytes(secret.data(), static_cast<int>(N)) == 1;
}

std::optional<TicketKey> random_key() {
  TicketKey key;
  const bool is_named = RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) == 1;
  if (!is_named || !fill(key.mac) || !fill(key.cipher)) return std::nullopt;
  return key;
}

}  // namespace

TicketKey::~TicketKey() {
  OPENSSL_cleanse(mac.data(), mac.size());
  OPENSSL_cleanse(cipher.data(), cipher.size());
}

std::shared_ptr<TicketKeys> TicketKeys::random() { return std::shared_ptr<TicketKeys>(new TicketKeys(true)); }

base::Result<std::shared_ptr<TicketKeys>> TicketKeys::from_file(const std::string& file,
                                                                std::vector<std::string>& warnings) {
  const auto loaded = load_text(file);
  if (!loaded) return base::failure(loaded.error());
  std::string_view text = loaded->text();
  if (text.empty() || text.size() % TicketKey::kBytes != 0) {
    return base::failure(file_fault(
        file,
        fmt::format(
            "has {} bytes; expected one or more ticket keys of {} bytes each, as `openssl rand -out {} {}` "
            "makes one",
            text.size(), TicketKey::kBytes, file, TicketKey::kBytes)));
  }
  if (std::string warning = mode_warning(file, loaded->mode()); !warning.empty())
    warnings.push_back(std::move(warning));
  std::shared_ptr<TicketKeys> keys(new TicketKeys(false));
  for (; !text.empty(); text.remove_prefix(TicketKey::kBytes))
    keys->keys_.push_back({parse_key(text.substr(0, TicketKey::kBytes)), {}});
  return keys;
}

std::vector<TicketKeys::AgedKey> TicketKeys::aged(base::TimePoint now) const {
  const std::lock_guard lock(mutex_);
  std::vector<AgedKey> aged;
  if (!rotates_) return aged;
  for (const Dated& one : keys_) {
    aged.push_back({one.key, std::chrono::duration_cast<base::Millis>(now - one.made)});
  }
  return aged;
}

void TicketKeys::go_on_with(const std::vector<AgedKey>& keys, base::TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (!rotates_) return;
  keys_.clear();
  for (const AgedKey& one : keys) keys_.push_back({one.key, now - one.age});
}

void TicketKeys::replace(const TicketKeys& fresh) {
  if (&fresh == this) return;
  const std::scoped_lock lock(mutex_, fresh.mutex_);
  rotates_ = fresh.rotates_;
  keys_ = fresh.keys_;
}

std::optional<TicketKey> TicketKeys::for_new_ticket(base::TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (rotates_ && (keys_.empty() || now - keys_.front().made >= kTurn)) {
    auto fresh = random_key();
    if (!fresh) return std::nullopt;
    keys_.push_front({*fresh, now});
    forget_old(now);
  }
  return keys_.front().key;
}

std::optional<TicketKeys::Found> TicketKeys::find(std::span<const unsigned char, 16> name,
                                                  base::TimePoint now) {
  const std::lock_guard lock(mutex_);
  forget_old(now);
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    const bool is_it = std::equal(name.begin(), name.end(), keys_[i].key.name.begin());
    const bool has_had_its_turn = rotates_ && now - keys_[i].made >= kTurn;
    if (is_it) return Found{keys_[i].key, i == 0 && !has_had_its_turn};
  }
  return std::nullopt;
}

// The last ticket of a key was made when the next one took over, or its turn was over.
void TicketKeys::forget_old(base::TimePoint now) {
  while (rotates_ && !keys_.empty() && now - keys_.back().made >= kTurn + kTicketLife) keys_.pop_back();
}

}  // namespace weir::tls
