#include "support/soak_conversation.h"

#include <netinet/tcp.h>

#include <cerrno>
#include <cstring>

#include "support/soak_stream.h"

namespace weir::test::soak {
namespace {

// Longer than whatever a session or Weir waits for before it says something.
constexpr Millis kLong = 4 * kIdleTimeout + kPatience;

// So many hosts that the ports of those sessions which are over by less than a minute are a small part.
constexpr std::uint64_t kHosts = 64;

// Runs `talk` and says what became of it.
template <class Talk>
Account account_of(Clock::time_point begun, Talk talk) {
  Account account;
  account.begun = begun;
  try {
    talk();
    account.outcome = Outcome::kWhole;
  } catch (const Broken& broken) {
    account.outcome = broken.outcome();
    account.words = broken.what();
  } catch (const SocketError& error) {
    account.outcome = outcome_of(error);
    account.words = error.what();
  }
  account.ended = Clock::now();
  return account;
}

// Says the number that the client must give back, so that it is certain whose greeting it got.
std::uint64_t greet(Common& common, Socket& socket) {
  const std::uint64_t greeting = common.next_greeting++;
  const std::string number(reinterpret_cast<const char*>(&greeting), sizeof(greeting));
  const std::uint64_t phase = phase_of(greeting, Side::kBackend);
  socket.send_all(number + common.content.text(phase, kGreetingSize - sizeof(greeting)));
  return greeting;
}

std::uint64_t hear_greeting(const Common& common, Socket& socket) {
  const Received received = socket.receive(kGreetingSize, kLong);
  if (received.ended == Ended::kReset) throw Broken(Outcome::kReset, "before the greeting");
  if (received.ended == Ended::kEndOfStream) throw Broken(Outcome::kEndedEarly, "before the greeting");
  if (received.ended == Ended::kTimedOut) throw Broken(Outcome::kTimedOut, "before the greeting");
  std::uint64_t greeting = 0;
  std::memcpy(&greeting, received.bytes.data(), sizeof(greeting));
  const std::string_view rest = std::string_view(received.bytes).substr(sizeof(greeting));
  if (!common.content.matches(phase_of(greeting, Side::kBackend), rest)) {
    throw Broken(Outcome::kWrongBytes, "in the greeting");
  }
  return greeting;
}

// Checked, since nobody could tell whose session it was.
Header header_of(const std::string& text, std::uint64_t greeting, bool greets) {
  Header header;
  std::memcpy(&header, text.data(), sizeof(header));
  const bool sound = header.magic == Header::kMagic && header.kind < kKinds && header.greeting == greeting &&
                     is_greeted(static_cast<Kind>(header.kind)) == greets;
  if (!sound) throw Broken(Outcome::kWrongBytes, "in the header");
  return header;
}

void play_as_backend(Common& common, SoakBackend& backend, Socket& socket, const Plan& plan) {
  Manner manner;
  manner.before_piece = [&backend] { backend.gate().pass(); };
  if (plan.mishap == Mishap::kBackendResets) manner.mishap_at = plan.mishap_at;
  CheckedStream stream(socket, common.content, plan.number, Side::kBackend, manner);
  try {
    play(plan, Side::kBackend, stream);
  } catch (const Broken& broken) {
    if (broken.outcome() == Outcome::kMishap) backend.reset(socket);
    throw;
  }
}

base::Address host_of(std::uint64_t number) {
  return address_of("127.0.1." + std::to_string(1 + number % kHosts) + ":0");
}

// A port that a session had which was over just now may not be free for the next one: another is.
Socket connect_from_somewhere(const base::Address& target, const Plan& plan) {
  Socket::Options options;
  if (plan.reader_pause > Millis(0)) options.receive_buffer = 16 * 1024;
  for (std::uint64_t attempt = 0;; ++attempt) {
    options.source = host_of(plan.number + attempt);
    Socket socket;
    const int error = Socket::try_connect(target, socket, options);
    if (error == 0) return socket;
    const bool is_taken = error == EADDRINUSE || error == EADDRNOTAVAIL;
    if (!is_taken || attempt == kHosts) throw SocketError("connect", error);
  }
}

// Closes without a word to the other side, as a host does that loses its power; with a reset where that is
// not allowed.
void vanish(Socket& socket) {
  const int yes = 1;
  if (::setsockopt(socket.fd(), IPPROTO_TCP, TCP_REPAIR, &yes, sizeof(yes)) != 0) return socket.reset();
  socket.close();
}

void suffer(Mishap mishap, Socket& socket) {
  if (mishap == Mishap::kClientResets) return socket.reset();
  if (mishap == Mishap::kClientVanishes) return vanish(socket);
  socket.close();
}

void play_as_client(Common& common, Socket& socket, const Plan& plan) {
  Header header;
  header.number = plan.number;
  header.kind = static_cast<std::uint64_t>(plan.kind);
  if (is_greeted(plan.kind)) header.greeting = hear_greeting(common, socket);
  socket.send_all(header.text());
  Manner manner;
  if (plan.reader_pause > Millis(0)) {
    manner.piece = 16 * 1024;
    manner.before_piece = [&plan] { observe_for(plan.reader_pause); };
  }
  if (plan.mishap != Mishap::kNone && plan.mishap != Mishap::kBackendResets) {
    manner.mishap_at = plan.mishap_at;
  }
  CheckedStream stream(socket, common.content, plan.number, Side::kClient, manner);
  try {
    play(plan, Side::kClient, stream);
  } catch (const Broken& broken) {
    if (broken.outcome() == Outcome::kMishap) suffer(plan.mishap, socket);
    throw;
  }
}

}  // namespace

void serve(Common& common, SoakBackend& backend, Socket& socket, SoakBackend::Port port) {
  backend.gate().pass();
  const bool greets = port == SoakBackend::Port::kGreeting;
  const auto begun = Clock::now();
  const std::uint64_t greeting = greets ? greet(common, socket) : 0;
  std::string text = socket.receive_exactly(kCheck.size(), kLong);
  backend.gate().pass();
  if (text == kCheck) {
    socket.send_all(kCheckAnswer);
    socket.receive_until_end();
    return;
  }
  text += socket.receive_exactly(sizeof(Header) - text.size(), kLong);
  Header header;
  try {
    header = header_of(text, greeting, greets);
  } catch (const Broken& broken) {
    common.ledger.stranger(backend.name() + " got wrong bytes in the header");
    throw;
  }
  if (!common.ledger.backend_begins(header.number, backend.name())) return;
  const Plan plan = plan_of(common.seed, header.number, static_cast<Kind>(header.kind));
  common.ledger.backend_done(header.number,
                             account_of(begun, [&] { play_as_backend(common, backend, socket, plan); }));
}

void visit(Common& common, const Entrances& entrances, std::uint64_t number, Kind kind) {
  const Plan plan = plan_of(common.seed, number, kind);
  Socket socket;
  std::string address;
  const Account account = account_of(Clock::now(), [&] {
    socket = connect_from_somewhere(is_greeted(kind) ? entrances.greeting : entrances.plain, plan);
    address = socket.local().to_string();
    play_as_client(common, socket, plan);
  });
  common.ledger.client_done(number, kind, address, account);
}

}  // namespace weir::test::soak
