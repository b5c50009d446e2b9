#include "session/preread.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/host_name.h"

namespace weir::session {
namespace {

// One packet's worth; a header takes less than a tenth of it, and a usual ClientHello half.
constexpr std::size_t kReadBytes = std::size_t{4} << 10;

// What is longer than it may be (RFC 1035 section 2.3.4, RFC 7301 section 3.1), or than anybody sends, is not
// kept: it would lie there for as long as the session.
constexpr std::size_t kMostName = 255;
constexpr std::size_t kMostSsl = std::size_t{4} << 10;

std::string_view if_within(std::size_t most, std::string_view value) {
  return value.size() <= most ? value : std::string_view();
}

}  // namespace

Preread::Preread(const Services& services, Owner& owner, Subject subject)
    : services_(services),
      owner_(owner),
      subject_(std::move(subject)),
      stage_(subject_.is_proxy ? Stage::kHeader : Stage::kHello),
      held_(services.budget),
      client_(subject_.address) {
  if (stage_ == Stage::kHello) hello_ = std::make_unique<wire::ClientHello>();
}

void Preread::start() {
  if (read_all()) return finish();
  subject_.peer.watch.bind<&Preread::on_ready>(services_.loop, subject_.peer.fd.get(), this);
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
    Step step = Step::kWait;
    if (stage_ == Stage::kHeader && may_be_client()) step = go_on_without_header();
    const bool says_nothing = stage_ == Stage::kHello && read_ahead().empty();
    if (step != Step::kOver && says_nothing) step = not_tls(HelloNews::kNothing);
    if (step != Step::kOver) fail(CloseReason::kPrereadTimeout);
  }
  finish();
}

// The owner may end this object, so it is told last.
void Preread::finish() {
  subject_.peer.watch.stop();
  if (hello_ != nullptr) held_.shrink(looked_at_);
  hello_.reset();
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
    if (!held_.grow(static_cast<std::size_t>(n))) return fail(CloseReason::kNoMemory);
    bytes_.append(buffer, static_cast<std::size_t>(n));
    return look();
  }
  if (n == 0) return stream_ended();
  if (errno == EINTR) return Step::kGoOn;
  if (errno == EAGAIN) return Step::kWait;
  if (net::is_own_shortage(errno)) return fail(CloseReason::kNoMemory);
  return fail(net::means_no_answer(errno) ? CloseReason::kClientLost : CloseReason::kClientReset);
}

Preread::Step Preread::look() { return stage_ == Stage::kHeader ? look_at_header() : look_at_hello(); }

// Who connects and leaves without a word is one that looks whether the port answers.
Preread::Step Preread::stream_ended() {
  if (stage_ == Stage::kHeader) {
    if (!may_be_client()) {
      return bytes_.empty() ? fail(CloseReason::kClientEnd) : fail(wire::ProxyFault::kCut);
    }
    const Step step = go_on_without_header();
    if (step == Step::kOver) return step;
  }
  if (!read_ahead().empty()) return not_tls(HelloNews::kCut);
  return subject_.entrance.hello->refuses_others_than_tls ? fail(CloseReason::kClientEnd)
                                                          : not_tls(HelloNews::kNothing);
}

bool Preread::may_be_client() const {
  return subject_.entrance.proxy_may_be_absent && !wire::is_meant_as_proxy_header(bytes_);
}

Preread::Step Preread::look_at_header() {
  const wire::ProxyRead read = wire::read_proxy_header(bytes_);
  switch (read.outcome) {
    case wire::ProxyRead::Outcome::kNeedsMore:
      return Step::kGoOn;
    case wire::ProxyRead::Outcome::kHeader:
      return header_ended(read.header);
    case wire::ProxyRead::Outcome::kFault:
      break;
  }
  const bool is_none = read.fault == wire::ProxyFault::kAbsent && subject_.entrance.proxy_may_be_absent;
  return is_none ? go_on_without_header() : fail(read.fault);
}

Preread::Step Preread::header_ended(const wire::ProxyHeader& header) {
  const bool names_client = header.source.is_ip();
  introduction_ = std::make_shared<Introduction>();
  if (names_client) {
    client_ = header.source.unmapped();
    introduction_->proxy = subject_.address;
    introduction_->destination = header.destination.unmapped();
  }
  introduction_->server_name = base::plain_host_name(if_within(kMostName, header.authority));
  introduction_->alpn = if_within(kMostName, header.alpn);
  introduction_->unique_id = header.unique_id;
  introduction_->ssl = if_within(kMostSsl, header.ssl);
  // It may be long, and the wait for a backend too.
  held_.shrink(header.size);
  bytes_ = bytes_.substr(header.size);
  return admit(names_client ? ProxyNews::kClient : ProxyNews::kNothing);
}

Preread::Step Preread::go_on_without_header() { return admit(ProxyNews::kNone); }

Preread::Step Preread::admit(ProxyNews news) {
  subject_.door.counters().proxy_headers[static_cast<std::size_t>(news)].add();
  refusal_ = subject_.door.admit(client_, permits_.emplace());
  return refusal_ ? fail(CloseReason::kRefused) : begin_hello();
}

Preread::Step Preread::begin_hello() {
  if (subject_.entrance.hello == nullptr) return Step::kOver;
  stage_ = Stage::kHello;
  hello_ = std::make_unique<wire::ClientHello>();
  return read_ahead().empty() ? Step::kGoOn : look_at_hello();
}

Preread::Step Preread::look_at_hello() {
  const std::string_view news = std::string_view(bytes_).substr(looked_at_);
  // The parser keeps what it has been shown.
  if (!held_.grow(news.size())) return fail(CloseReason::kNoMemory);
  looked_at_ = bytes_.size();
  switch (hello_->feed(news)) {
    case wire::ClientHello::Outcome::kNeedsMore:
      return Step::kGoOn;
    case wire::ClientHello::Outcome::kComplete:
      return route();
    case wire::ClientHello::Outcome::kNotTls:
      return not_tls(HelloNews::kNotTls);
    case wire::ClientHello::Outcome::kMalformed:
      return not_tls(HelloNews::kMalformed);
    case wire::ClientHello::Outcome::kTooLong:
      return not_tls(HelloNews::kTooLong);
  }
  return fail(CloseReason::kClientHello);
}

Preread::Step Preread::route() {
  const HelloRules& rules = *subject_.entrance.hello;
  if (!hello_->server_name().empty()) {
    if (introduction_ == nullptr) introduction_ = std::make_shared<Introduction>();
    introduction_->server_name = hello_->server_name();
  }
  auto to = rules.routes.find(hello_->server_name(), hello_->protocols());
  if (to.pool != nullptr) {
    subject_.pool = std::move(to.pool);
    terminates_ = to.terminates;
    note(HelloNews::kRoute);
    return Step::kOver;
  }
  note(HelloNews::kNoRoute);
  terminates_ = rules.terminates;
  return rules.refuses_without_route ? fail(CloseReason::kNoRoute) : Step::kOver;
}

// What began like TLS and is none is nobody's but an attacker's or a broken client's.
Preread::Step Preread::not_tls(HelloNews news) {
  note(news);
  const bool is_other = news == HelloNews::kNotTls || news == HelloNews::kNothing;
  const bool serves = is_other && !subject_.entrance.hello->refuses_others_than_tls;
  if (serves) return Step::kOver;
  return fail(news == HelloNews::kNothing ? CloseReason::kPrereadTimeout : CloseReason::kClientHello);
}

void Preread::note(HelloNews news) {
  news_ = news;
  subject_.door.counters().client_hellos[static_cast<std::size_t>(news)].add();
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
