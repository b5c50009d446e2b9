#include "server/access_watch.h"

#include <algorithm>

#include "base/assert.h"
#include "net/thread.h"
#include "server/access_lists.h"
#include "server/kernel_drop.h"

namespace weir::server {
namespace {

// What is wrong with files that could not be read at all, as one text; empty: they could, whatever is in
// them.
std::string unread(const config::Problems& problems) {
  std::string text;
  for (const config::Problem& problem : problems) {
    if (problem.severity != config::Severity::kError) continue;
    if (problem.place.line != 0) return "";
    text += (text.empty() ? "" : "; ") + config::to_string(problem);
  }
  return text;
}

}  // namespace

base::Result<std::unique_ptr<AccessWatch>> AccessWatch::create(net::EventLoop& loop, Parts parts) {
  auto mailbox = net::Mailbox<Loaded>::create(4);
  if (!mailbox) return base::failure(std::move(mailbox.error()));
  return std::unique_ptr<AccessWatch>(new AccessWatch(loop, parts, std::move(*mailbox)));
}

AccessWatch::AccessWatch(net::EventLoop& loop, Parts parts, std::unique_ptr<net::Mailbox<Loaded>> mailbox)
    : publisher_(parts.publisher),
      log_(parts.log),
      config_(&parts.config),
      doors_(&parts.doors),
      mailbox_(std::move(mailbox)) {
  timer_.bind<&AccessWatch::look>(loop, this);
  mailbox_->open(loop, [this](Loaded&& loaded) { take(std::move(loaded)); });
  watch_all(parts.read_since);
}

void AccessWatch::change(const config::Config& config, const std::vector<DoorRules>& doors,
                         std::chrono::system_clock::time_point read_since) {
  WEIR_ASSERT(!is_loading_);
  config_ = &config;
  doors_ = &doors;
  watch_all(read_since);
  start();
}

void AccessWatch::watch_all(std::chrono::system_clock::time_point read_since) {
  watched_.clear();
  next_ = 0;
  for (std::size_t i = 0; i < config_->listeners.size(); ++i) {
    const config::AccessConfig& access = config_->listeners[i].access;
    std::vector<std::string> files;
    for (const auto* side : {&access.allow, &access.deny}) {
      for (const auto& file : side->files) files.push_back(file.value);
    }
    if (files.empty()) continue;
    watched_.push_back({i, WatchedFiles(std::move(files), read_since), ""});
  }
}

AccessWatch::~AccessWatch() {
  if (loader_.joinable()) loader_.join();
}

void AccessWatch::start() {
  if (!watched_.empty()) timer_.start(kLookInterval);
}

void AccessWatch::look() {
  load_changed();
  for (Watched& watched : watched_) watched.files.note();
  start();
}

void AccessWatch::load_changed() {
  for (std::size_t i = 0; i < watched_.size() && !is_loading_ && !is_paused_; ++i) {
    Watched& watched = watched_[next_++ % watched_.size()];
    if (watched.files.take_change()) load(static_cast<std::size_t>(&watched - watched_.data()));
  }
}

void AccessWatch::load(std::size_t watched) {
  const std::size_t listener = watched_[watched].listener;
  const config::AccessConfig& access = config_->listeners[listener].access;
  const std::shared_ptr<net::PacketFilter> filter = (*doors_)[listener].filter;
  if (loader_.joinable()) loader_.join();  // it has brought its last list already
  auto thread = net::start_thread("access", [this, watched, &access, filter] {
    const base::TimePoint begun = base::precise_now();
    Loaded loaded;
    loaded.watched = watched;
    const AccessClients clients = load_access_clients(access, loaded.problems);
    if (!config::has_error(loaded.problems)) {
      loaded.access = access_list_of(clients);
      if (filter != nullptr) {
        FilterChange change = update_filter(*filter, packet_rules_of(clients));
        loaded.filter_error = std::move(change.error);
        loaded.filter_is_stuck = change.is_stuck;
      }
    }
    loaded.took = std::chrono::duration_cast<base::Millis>(base::precise_now() - begun);
    static_cast<void>(mailbox_->post(std::move(loaded)));  // one at a time: there is room
  });
  if (!thread) {
    watched_[watched].files.forget_read();
    log_.event(LogLevel::kWarning, "access_list", thread.error().message());
    return;
  }
  loader_ = std::move(*thread);
  is_loading_ = true;
}

void AccessWatch::take(Loaded&& loaded) {
  is_loading_ = false;
  Watched& watched = watched_[loaded.watched];
  const std::string& name = config_->listeners[watched.listener].name;
  const std::string reason = loaded.access == nullptr ? unread(loaded.problems) : "";
  // A file that is there and cannot be read may be readable a second later: it is tried again, and told of
  // once.
  if (!reason.empty() && watched.files.were_there()) watched.files.forget_read();
  if (!reason.empty() && reason == watched.unread) return;
  watched.unread = reason;
  for (const config::Problem& problem : loaded.problems) {
    base::LogFields fields;
    fields.text("listener", name);
    log_.event(LogLevel::kWarning, "access_list", config::to_string(problem), fields);
  }
  base::LogFields fields;
  fields.text("listener", name);
  if (loaded.access == nullptr) {
    log_.event(LogLevel::kWarning, "access_list",
               reason.empty() ? "the files have mistakes: the old list stays in force"
                              : "the files cannot be read: the old list stays in force",
               fields);
    return;
  }
  fields.number("networks", loaded.access->prefixes().size());
  fields.number("took_ms", static_cast<std::uint64_t>(loaded.took.count()));
  log_.event(LogLevel::kInfo, "access_list", "the files were read again", fields);
  if (!loaded.filter_error.empty()) {
    log_.event(LogLevel::kWarning, "access_list",
               "the packet filter cannot have the list, so the gate alone refuses: " + loaded.filter_error,
               fields);
  }
  if (loaded.filter_is_stuck) take_off_filter(watched.listener);
  publisher_.replace_access(watched.listener, std::move(loaded.access));
  load_changed();
}

void AccessWatch::take_off_filter(std::size_t listener) {
  for (const Assigned& one : publisher_.current().sockets) {
    if (one.listener == listener) static_cast<void>(one.socket->set_filter(nullptr));
  }
}

}  // namespace weir::server
