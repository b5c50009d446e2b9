// A stream that is easy to see through: every byte is coded, and its end is a byte of its own. It takes all
// that its socket has at once, so that the socket tells nothing of what is left in it, and it may be told to
// find the far side's bytes broken, to answer before it gives what follows, or to hear something before it
// sends.
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <string>

#include "net/stream.h"

namespace weir::test {

constexpr char kStreamEnd = '\0';
constexpr char kStreamAsks = '\1';  // is answered by `kStreamAnswers`
constexpr char kStreamAnswers = '\2';

inline std::string coded(std::string text) {
  for (char& c : text) c = static_cast<char>(c ^ 0x40);
  return text;
}

class CodedStream final : public net::Stream {
 public:
  explicit CodedStream(int fd) : fd_(fd) {}

  ssize_t receive(void* memory, std::size_t size) override {
    const ssize_t n = peek(memory, size);
    if (n > 0) kept_.erase(0, static_cast<std::size_t>(n));
    return n;
  }

  bool has_taken_all() const override { return kept_.empty() && was_short_; }
  void socket_told() override { was_short_ = false; }
  bool wants_write() const override { return wants_write_; }

  ssize_t peek(void* memory, std::size_t size) override {
    wants_write_ = send_has_read_ = false;
    while (kept_.empty() || kept_.front() == kStreamAsks) {
      if (kept_.empty() ? !fill() : !answer()) return -1;
    }
    if (kept_.front() == kStreamEnd) return 0;
    if (kept_.front() == coded("!").front()) {
      errno = EPROTO;
      return -1;
    }
    const std::size_t n = std::min(
        {size, most_at_once, kept_.find(kStreamEnd), kept_.find(coded("!")), kept_.find(kStreamAsks)});
    const std::string text = coded(kept_.substr(0, n));
    std::memcpy(memory, text.data(), text.size());
    return static_cast<ssize_t>(text.size());
  }

  // As TLS does: what is once coded must go out first, and at most so much is taken at once.
  ssize_t send(const void* data, std::size_t size) override {
    if (must_hear) {
      if (meanwhile) meanwhile();
      if (!fill()) return -1;
      send_has_read_ = true;
    }
    if (turns_to_wait > 0) {
      --turns_to_wait;
      waits_for_a_turn_ = true;
      errno = EAGAIN;
      return -1;
    }
    waits_for_a_turn_ = false;
    if (pending_.empty())
      pending_ = coded({static_cast<const char*>(data), std::min<std::size_t>(size, 3000)});
    const std::size_t whole = std::max(whole_, pending_.size());
    while (!pending_.empty()) {
      const ssize_t n = ::send(fd_, pending_.data(), pending_.size(), MSG_NOSIGNAL);
      if (n < 0) {
        whole_ = whole;
        return -1;
      }
      pending_.erase(0, static_cast<std::size_t>(n));
    }
    whole_ = 0;
    return static_cast<ssize_t>(whole);
  }

  int end() override {
    if (!has_ended && ::send(fd_, &kStreamEnd, 1, MSG_NOSIGNAL) != 1) return -1;
    has_ended = true;
    return 0;
  }

  Waits send_waits() const override {
    return must_hear ? Waits::kToRead : waits_for_a_turn_ ? Waits::kForATurn : Waits::kToWrite;
  }
  bool send_has_read() const override { return send_has_read_; }

  bool has_ended = false;
  bool must_hear = false;                        // before it sends anything else
  int turns_to_wait = 0;                         // the same
  std::function<void()> meanwhile;               // happens when it is about to hear that
  std::size_t most_at_once = std::string::npos;  // received by one call, as a record is

 private:
  bool fill() {
    char buffer[64 * 1024];
    const ssize_t n = ::recv(fd_, buffer, sizeof(buffer), 0);
    if (n == 0) errno = EPROTO;  // without the end of the stream
    if (n <= 0) return false;
    must_hear = false;
    was_short_ = static_cast<std::size_t>(n) < sizeof(buffer);
    kept_.append(buffer, static_cast<std::size_t>(n));
    return true;
  }

  bool answer() {
    wants_write_ = ::send(fd_, &kStreamAnswers, 1, MSG_NOSIGNAL) != 1;
    if (!wants_write_) kept_.erase(0, 1);
    return !wants_write_;
  }

  int fd_;
  std::string kept_;
  bool was_short_ = false;
  bool wants_write_ = false;
  bool waits_for_a_turn_ = false;
  bool send_has_read_ = false;
  std::string pending_;
  std::size_t whole_ = 0;  // of what `pending_` is left of
};

}  // namespace weir::test
