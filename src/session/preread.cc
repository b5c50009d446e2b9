#include "session/preread.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace weir::session {
namespace {

// One packet's worth; a header takes less than a tenth of it.
constexpr std::size_t kReadBytes = std::size_t{4} << 10;

// What is longer than it may be (RFC 1035 section 2.3.4, RFC 7301 section 3.1), or than anybody sends, is not
// kept: it would lie there for as long as the session.
constexpr std::size_t kMostName = 255;
constexpr std::size_t kMostSsl = std::size_t{4} << 10;

std::string_view if_within(std::size_t most, std::string_view value) {
  return value.size() <= most ? value : std::string_view();
}

// Names are compared without case, and a last dot only says that the name is whole (RFC 1034 section 3.1).
std::string plain_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string plain(name);
  std::transform(plain.begin(), plain.end(), plain.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return plain;
}

}  // namespace

Preread::Preread(net::EventLoop& loop, Owner& owner, Subject subject)
    : loop_(loop), owner_(owner), subject_(std::move(subject)) {}

void Preread::start() {
  if (read_all()) return finish();
  subject_.peer.watch.bind<&Preread::on_ready>(loop_, subject_.peer.fd.get(), this);
  if (subject_.peer.watch.want(net::Interest::kRead)) return;
  fail(CloseReason::kNoMemory);
  finish();
}

void Preread::on_ready(net::Ready) {
  if (read_all()) finish();
}

void Preread::timed_out() {
  if (!read_all()) {
    // One who waits for the server to speak first sends nothing.
    const bool is_client = bytes_.empty() && subject_.need_not_come;
    is_client ? go_on_without() : fail(CloseReason::kPrereadTimeout);
  }
  finish();
}

// The owner may end this object, so it is told last.
void Preread::finish() {
  subject_.peer.watch.stop();
  if (reason_) return owner_.preread_failed(*reason_);
  owner_.preread_done();
}

bool Preread::read_all() {
  Step step = Step::kGoOn;
  while (step == Step::kGoOn) step = read_once();
  return step == Step::kOver;
}

Preread::Step Preread::read_once() {
  char buffer[kReadBytes];
  const ssize_t n = ::recv(subject_.peer.fd.get(), buffer, sizeof(buffer), 0);
  if (n > 0) {
    bytes_.append(buffer, static_cast<std::size_t>(n));
    return look();
  }
  if (n == 0) return stream_ended();
  if (errno == EINTR) return Step::kGoOn;
  if (errno == EAGAIN) return Step::kWait;
  if (net::is_own_shortage(errno)) return fail(CloseReason::kNoMemory);
  return fail(net::means_no_answer(errno) ? CloseReason::kClientLost : CloseReason::kClientReset);
}

Preread::Step Preread::look() {
  const wire::ProxyRead read = wire::read_proxy_header(bytes_);
  switch (read.outcome) {
    case wire::ProxyRead::Outcome::kNeedsMore:
      return Step::kGoOn;
    case wire::ProxyRead::Outcome::kHeader:
      return take(read.header);
    case wire::ProxyRead::Outcome::kFault:
      break;
  }
  return read.fault == wire::ProxyFault::kAbsent && subject_.need_not_come ? go_on_without()
                                                                           : fail(read.fault);
}

// Who connects and leaves without a word is one that looks whether the port answers.
Preread::Step Preread::stream_ended() {
  if (!bytes_.empty()) return fail(wire::ProxyFault::kCut);
  return subject_.need_not_come ? go_on_without() : fail(CloseReason::kClientEnd);
}

Preread::Step Preread::take(const wire::ProxyHeader& header) {
  header_size_ = header.size;
  const bool names_client = header.source.is_ip();
  client_ = names_client ? header.source.unmapped() : subject_.address;
  Introduction told;
  if (names_client) {
    told.proxy = subject_.address;
    told.destination = header.destination.unmapped();
  }
  told.server_name = plain_name(if_within(kMostName, header.authority));
  told.alpn = if_within(kMostName, header.alpn);
  told.unique_id = header.unique_id;
  told.ssl = if_within(kMostSsl, header.ssl);
  introduction_ = std::make_shared<const Introduction>(std::move(told));
  return admit(names_client ? ProxyNews::kClient : ProxyNews::kNothing);
}

Preread::Step Preread::go_on_without() {
  client_ = subject_.address;
  return admit(ProxyNews::kNone);
}

Preread::Step Preread::admit(ProxyNews news) {
  subject_.door.counters().proxy_headers[static_cast<std::size_t>(news)].add();
  refusal_ = subject_.door.admit(client_, permits_);
  return refusal_ ? fail(CloseReason::kRefused) : Step::kOver;
}

Preread::Step Preread::fail(CloseReason reason) {
  reason_ = reason;
  return Step::kOver;
}

Preread::Step Preread::fail(wire::ProxyFault fault) {
  fault_ = fault;
  subject_.door.counters().proxy_faults[static_cast<std::size_t>(fault)].add();
  return fail(CloseReason::kProxyHeader);
}

}  // namespace weir::session
