#include "net/dns_channel.h"

#include <algorithm>

#include "base/units.h"

namespace weir::net {
namespace {

// The library goes on with a question that was dropped, or has had its time, until it gives it up by itself.
// With these it may have so many times `max_questions`.
constexpr std::size_t kMostInLibrary = 4;

}  // namespace

using base::failure;
using base::Result;

DnsQuestion::DnsQuestion(DnsQuestion&& other) noexcept
    : channel_(std::exchange(other.channel_, nullptr)), id_(other.id_) {}

DnsQuestion& DnsQuestion::operator=(DnsQuestion&& other) noexcept {
  if (this != &other) {
    drop();
    channel_ = std::exchange(other.channel_, nullptr);
    id_ = other.id_;
  }
  return *this;
}

void DnsQuestion::drop() {
  const auto channel = std::exchange(channel_, nullptr);
  if (channel != nullptr && *channel != nullptr) (*channel)->forget(id_);
}

DnsChannel::DnsChannel(EventLoop& loop, DnsChannelOptions options)
    : loop_(loop), options_(std::move(options)), self_(std::make_shared<DnsChannel*>(this)) {
  deadline_.bind<&DnsChannel::on_deadline>(loop, this);
  soon_.bind<&DnsChannel::deliver>(loop, this);
}

DnsChannel::~DnsChannel() { *self_ = nullptr; }

Result<std::unique_ptr<DnsChannel>> DnsChannel::create(EventLoop& loop, DnsChannelOptions options) {
  std::unique_ptr<DnsChannel> channel(new DnsChannel(loop, std::move(options)));
  const auto opened = channel->open();
  if (!opened) return failure(opened.error());
  return channel;
}

Result<bool> DnsChannel::open() {
  // Looked at before it is read: what changes in between is read once more.
  const FileStamp stamp = options_.servers.empty() ? FileStamp::of(options_.resolv_conf) : FileStamp{};
  auto session = AresSession::create(
      loop_, {options_.servers, options_.resolv_conf, options_.resolv_conf_port, options_.attempt_timeout},
      *this);
  if (!session) return failure(std::move(session).error());
  session_ = *std::move(session);
  stamp_ = stamp;
  return true;
}

// Questions that are out go to the new servers; their deadlines stay.
void DnsChannel::look_at_resolv_conf() {
  if (!options_.servers.empty() || FileStamp::of(options_.resolv_conf) == stamp_) return;
  if (!open()) return;  // the servers of before are better than none; tried again with the next question
  std::vector<std::uint64_t> ids;
  for (const auto& [id, asked] : out_) ids.push_back(id);
  for (const std::uint64_t id : ids) {
    const auto asked = out_.find(id);
    if (asked == out_.end()) continue;
    const Asked copy = asked->second;
    session_->ask(id, copy.name, copy.type);
  }
}

DnsQuestion DnsChannel::query(std::string name, wire::DnsType type, Callback callback) {
  const std::uint64_t id = next_id_++;
  waiting_.emplace(id, Asked{std::move(name), type, std::move(callback)});
  look_at_resolv_conf();
  send_waiting();
  return {self_, id};
}

std::vector<std::string> DnsChannel::search_names(std::string_view name) {
  look_at_resolv_conf();
  std::vector<std::string> names;
  if (name.ends_with('.')) return {std::string(name)};
  for (const std::string& domain : session_->search_domains()) {
    if (domain.empty() || domain == ".") continue;
    names.push_back(std::string(name) + "." + domain);
  }
  const bool as_it_is_first = std::count(name.begin(), name.end(), '.') >= session_->ndots();
  names.insert(as_it_is_first ? names.begin() : names.end(), std::string(name));
  return names;
}

bool DnsChannel::may_send() const {
  return out_.size() < options_.max_questions &&
         session_->questions() < kMostInLibrary * options_.max_questions;
}

void DnsChannel::send_waiting() {
  while (!waiting_.empty() && may_send()) {
    auto node = waiting_.extract(waiting_.begin());
    const std::uint64_t id = node.key();
    const std::string name = node.mapped().name;
    const wire::DnsType type = node.mapped().type;
    deadlines_.push_back({base::precise_now() + options_.query_timeout, id});
    out_.insert(std::move(node));
    session_->ask(id, name, type);
  }
  arm_deadline();
}

void DnsChannel::forget(std::uint64_t id) {
  waiting_.erase(id);
  std::erase_if(done_, [&](const Done& done) { return done.id == id; });
  // What is still under way for it ends unheard.
  if (out_.erase(id) > 0 && !waiting_.empty()) soon_.start(base::Millis(0));
}

void DnsChannel::on_reply(std::uint64_t id, AresSession::Reply reply) {
  auto asked = out_.extract(id);
  if (asked.empty()) {
    // Forgotten, or past its deadline; the library has room for another.
    if (!waiting_.empty()) soon_.start(base::Millis(0));
    return;
  }
  done_.push_back({id, std::move(asked.mapped().callback), std::move(reply)});
  soon_.start(base::Millis(0));
}

void DnsChannel::on_deadline() {
  const base::TimePoint now = base::precise_now();
  const std::string words = "no name server answered in " + base::to_string(options_.query_timeout);
  for (; !deadlines_.empty() && deadlines_.front().at <= now; deadlines_.pop_front()) {
    on_reply(deadlines_.front().id, failure({base::ErrorSide::kBackend, words}));
  }
  arm_deadline();
}

void DnsChannel::arm_deadline() {
  while (!deadlines_.empty() && !out_.contains(deadlines_.front().id)) deadlines_.pop_front();
  if (deadlines_.empty()) return deadline_.stop();
  const auto left = deadlines_.front().at - base::precise_now();
  deadline_.start(std::max(base::Millis(0), std::chrono::ceil<base::Millis>(left)) + base::Millis(1));
}

void DnsChannel::deliver() {
  // What the callbacks cause is delivered in a later turn.
  for (std::size_t left = done_.size(); left > 0 && !done_.empty(); --left) {
    Done done = std::move(done_.front());
    done_.pop_front();
    done.callback(std::move(done.reply));
  }
  send_waiting();
  if (!done_.empty()) soon_.start(base::Millis(0));
}

}  // namespace weir::net
