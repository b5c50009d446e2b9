#include "support/checked_backend.h"

#include <utility>

namespace weir::test {

CheckedBackend::CheckedBackend(std::string name, const base::Address& address)
    : name_(std::move(name)), backend_(address, [this](Socket& socket) { serve(socket); }) {}

CheckedBackend::~CheckedBackend() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

void CheckedBackend::answer_checks(std::string bytes) {
  const std::lock_guard lock(mutex_);
  answer_ = std::move(bytes);
  answers_checks_ = true;
  changed_.notify_all();
}

void CheckedBackend::leave_checks_unanswered() {
  const std::lock_guard lock(mutex_);
  answers_checks_ = false;
}

void CheckedBackend::fall_silent() {
  const std::lock_guard lock(mutex_);
  answers_checks_ = answers_clients_ = false;
}

bool CheckedBackend::may_answer(Kind kind) const {
  return kind == Kind::kCheck ? answers_checks_ : answers_clients_;
}

bool CheckedBackend::wait_until_answering(Kind kind, const Socket& socket) {
  std::unique_lock lock(mutex_);
  while (!stopping_ && !may_answer(kind)) {
    // A peer that has ended its stream no longer waits for an answer.
    if (kind == Kind::kCheck && socket.readable_now()) return false;
    changed_.wait_for(lock, Millis(20));
  }
  return !stopping_;
}

void CheckedBackend::serve(Socket& socket) {
  const Received first = socket.receive_some(1, Millis(600'000));
  if (first.ended != Ended::kNot) return;
  if (first.bytes != "?") return serve_check(socket);
  ++clients_;
  if (!wait_until_answering(Kind::kClient, socket)) return;
  socket.send_all(name_);
  socket.receive_until_end(Millis(600'000));
}

void CheckedBackend::serve_check(Socket& socket) {
  std::string request;
  while (request.find(request.starts_with("ET ") ? "\r\n\r\n" : "\r\n") == std::string::npos) {
    const Received more = socket.receive_some(4096, Millis(600'000));
    if (more.ended != Ended::kNot) return;
    request += more.bytes;
  }
  ++checks_;
  if (!wait_until_answering(Kind::kCheck, socket)) return;
  std::string answer;
  {
    const std::lock_guard lock(mutex_);
    answer = answer_;
  }
  socket.send_all(answer);
}

}  // namespace weir::test
