#include "server/upgrader.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "net/privileges.h"
#include "net/thread.h"

namespace weir::server {
namespace {

using base::failure;
using base::Result;

// What a process may take for one word, beside what it has to do for it.
constexpr base::Millis kWordTakes{10'000};

base::Error system_fault(std::string what) { return {base::ErrorSide::kSystem, std::move(what)}; }

}  // namespace

Result<std::unique_ptr<Upgrader>> Upgrader::create(net::EventLoop& loop, net::OwnProgram program, Made made,
                                                   base::Millis limit) {
  auto mailbox = net::Mailbox<Outcome>::create(loop, 1);
  if (!mailbox) return failure(std::move(mailbox.error()));
  return std::unique_ptr<Upgrader>(
      new Upgrader(std::move(program), std::move(made), limit, std::move(*mailbox)));
}

Upgrader::Upgrader(net::OwnProgram program, Made made, base::Millis limit,
                   std::unique_ptr<net::Mailbox<Outcome>> mailbox)
    : program_(std::move(program)), made_(std::move(made)), limit_(limit), mailbox_(std::move(mailbox)) {
  mailbox_->open([this](Outcome&& outcome) { made_(std::move(outcome)); });
}

Upgrader::~Upgrader() {
  give_up();
  if (thread_.joinable()) thread_.join();
}

std::string Upgrader::why_never() const {
  if (::getpid() == 1) {
    return "as process 1 of a container Weir cannot hand over: the container would end with it; start a new "
           "container, or run Weir below an init process that outlives it";
  }
  if (program_.path.empty()) return "it cannot be told which file this program was started from";
  if (::access(program_.path.c_str(), X_OK) != 0) {
    return fmt::format("{} cannot be executed: {}", program_.path, ::strerrordesc_np(errno));
  }
  return "";
}

Result<void> Upgrader::request(Legacy legacy) {
  WEIR_ASSERT(!is_busy_);
  if (thread_.joinable()) thread_.join();  // it has brought its last already
  auto ends = net::PacketChannel::create();
  if (!ends) return failure(std::move(ends.error()));
  legacy_ = std::move(legacy);
  channel_.emplace(std::move(ends->first));
  stage_ = Stage::kOpen;
  auto theirs = std::make_shared<net::PacketChannel>(std::move(ends->second));
  auto thread = net::start_thread("upgrade", [this, theirs] {
    const base::TimePoint begun = base::precise_now();
    Outcome outcome = hand_over(std::move(*theirs));
    outcome.took = std::chrono::duration_cast<base::Millis>(base::precise_now() - begun);
    static_cast<void>(mailbox_->post(std::move(outcome)));  // one at a time: there is room
  });
  if (!thread) {
    done();
    return failure(std::move(thread.error()));
  }
  thread_ = std::move(*thread);
  is_busy_ = true;
  return {};
}

void Upgrader::give_up() {
  Stage open = Stage::kOpen;
  // Whoever waits for the new process is told by that.
  if (stage_.compare_exchange_strong(open, Stage::kGivenUp) && channel_) channel_->stop_receiving();
}

void Upgrader::tell_main() {
  // One that does not take it is told the same by the end of the channel.
  if (channel_) static_cast<void>(say(*channel_, Word::kMain, "", base::precise_now()));
}

void Upgrader::done() {
  is_busy_ = false;
  legacy_ = {};
  channel_.reset();
}

Result<std::string> Upgrader::hear(Word wanted, base::TimePoint deadline) {
  net::Packet packet;
  switch (channel_->receive(packet, deadline)) {
    case net::PacketChannel::Outcome::kPacket:
      break;
    case net::PacketChannel::Outcome::kEnded:
      return failure(system_fault(stage_ == Stage::kGivenUp ? "Weir is stopping"
                                                            : "the new process ended without a word"));
    case net::PacketChannel::Outcome::kTooLate:
      return failure(system_fault(
          wanted == Word::kServing
              ? std::string("the new process was told to begin and has not said that it serves")
              : fmt::format("the new process was not ready within {}", base::to_string(limit_))));
    case net::PacketChannel::Outcome::kFailed:
      return failure(system_fault("what the new process says cannot be read"));
  }
  const auto word = static_cast<Word>(packet.bytes.front());
  std::string text = packet.bytes.substr(1);
  if (word == wanted) return text;
  return failure(system_fault(word == Word::kFailed ? text : "the new process speaks another language"));
}

Upgrader::Outcome Upgrader::hand_over(net::PacketChannel theirs) {
  Outcome outcome;
  const auto fail = [&outcome](const base::Error& error) {
    outcome.failure = error.message();
    return std::move(outcome);
  };
  const base::TimePoint deadline = base::precise_now() + limit_;
  if (auto passed = net::pass_rights_on(); !passed) return fail(passed.error());
  auto sibling = net::start_sibling(program_,
                                    {{kUpgradeVariable, std::to_string(theirs.fd())},
                                     {"LISTEN_PID", ""},
                                     {"LISTEN_FDS", ""},
                                     {"LISTEN_FDNAMES", ""}},
                                    theirs.fd());
  if (!sibling) return fail(sibling.error());
  // It has its own: the end of this one is the end of that process.
  { const net::PacketChannel closed = std::move(theirs); }
  outcome.pid = sibling->pid;
  // Why it does not take what it is sent it may have said.
  const bool is_sent = send_legacy(*channel_, legacy_, deadline).has_value();
  auto ready = hear(Word::kReady, is_sent ? deadline : base::precise_now());
  const auto end_it = [&] {
    static_cast<void>(say(*channel_, Word::kStop, "", base::precise_now()));
    net::signal_sibling(*sibling, SIGKILL);
  };
  Stage open = Stage::kOpen;
  if (!ready || !stage_.compare_exchange_strong(open, Stage::kBegun)) {
    end_it();
    return fail(ready ? system_fault("Weir is stopping") : ready.error());
  }
  outcome.not_taken = parse_not_taken(*ready);
  const base::TimePoint until = std::max(deadline, base::precise_now() + kWordTakes);
  // Whoever does not take it does not answer either.
  static_cast<void>(say(*channel_, Word::kGo, "", until));
  const auto serving = hear(Word::kServing, until);
  if (serving) return outcome;
  outcome.had_begun = true;
  end_it();
  return fail(serving.error());
}

}  // namespace weir::server
