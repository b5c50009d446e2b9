#include "server/access_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "net/thread.h"
#include "server/access_lists.h"
#include "server/kernel_drop.h"

namespace weir::server {
namespace {

constexpr std::size_t kMostEdits = 64;          // that wait
constexpr std::size_t kMostAdditions = 10'000;  // to one side of a list
constexpr base::Millis kInForceInterval{5};

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
  auto mailbox = net::Mailbox<Loaded>::create(loop, 4);
  if (!mailbox) return base::failure(std::move(mailbox.error()));
  return std::unique_ptr<AccessWatch>(new AccessWatch(loop, std::move(parts), std::move(*mailbox)));
}

AccessWatch::AccessWatch(net::EventLoop& loop, Parts parts, std::unique_ptr<net::Mailbox<Loaded>> mailbox)
    : publisher_(parts.publisher),
      log_(parts.log),
      config_(&parts.config),
      doors_(&parts.doors),
      mailbox_(std::move(mailbox)),
      additions_(std::move(parts.additions)) {
  timer_.bind<&AccessWatch::look>(loop, this);
  in_force_timer_.bind<&AccessWatch::end_edit_when_in_force>(loop, this);
  mailbox_->open([this](Loaded&& loaded) { take(std::move(loaded)); });
  forget_additions();
  watch_all(parts.read_since);
}

void AccessWatch::change(const config::Config& config, const std::vector<DoorRules>& doors,
                         std::chrono::system_clock::time_point read_since) {
  WEIR_ASSERT(!is_busy());
  config_ = &config;
  doors_ = &doors;
  without_filter_.clear();  // all have been put on anew
  forget_additions();
  watch_all(read_since);
  start();
}

void AccessWatch::forget_additions() {
  std::erase_if(additions_, [&](const auto& one) { return !find(one.first); });
  for (auto& [listener, its] : additions_) {
    if (!config_->listeners[*find(listener)].access.allow.is_given()) its.allow.clear();
  }
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

void AccessWatch::go_on() {
  is_paused_ = false;
  begin_edit();
}

void AccessWatch::load_changed() {
  for (std::size_t i = 0; i < watched_.size() && !is_loading_ && !is_paused_; ++i) {
    Watched& watched = watched_[next_++ % watched_.size()];
    if (!watched.files.take_change()) continue;
    const std::string& name = config_->listeners[watched.listener].name;
    if (!load(watched.listener, additions_to(additions_, name))) watched.files.forget_read();
  }
}

bool AccessWatch::load(std::size_t listener, const AccessAdditions& additions) {
  const config::AccessConfig& access = config_->listeners[listener].access;
  const std::shared_ptr<net::PacketFilter> filter = (*doors_)[listener].filter;
  if (loader_.joinable()) loader_.join();  // it has brought its last list already
  auto thread = net::start_thread("access", [this, listener, &access, filter, additions] {
    const base::TimePoint begun = base::precise_now();
    Loaded loaded;
    loaded.listener = listener;
    const AccessClients clients = load_access_clients(access, additions, loaded.problems);
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
    log_.event(LogLevel::kWarning, "access_list", thread.error().message());
    return false;
  }
  loader_ = std::move(*thread);
  is_loading_ = true;
  return true;
}

bool AccessWatch::take_failure(const Loaded& loaded) {
  const auto watched = std::find_if(watched_.begin(), watched_.end(),
                                    [&](const Watched& one) { return one.listener == loaded.listener; });
  if (is_editing_ || watched == watched_.end()) return false;
  const std::string reason = loaded.access == nullptr ? unread(loaded.problems) : "";
  // A file that is there and cannot be read may be readable a second later: it is tried again, and told of
  // once.
  if (!reason.empty() && watched->files.were_there()) watched->files.forget_read();
  const bool was_told = std::exchange(watched->unread, reason) == reason;
  return !reason.empty() && was_told;
}

void AccessWatch::take(Loaded&& loaded) {
  is_loading_ = false;
  if (take_failure(loaded)) return begin_edit();
  base::LogFields fields;
  fields.text("listener", config_->listeners[loaded.listener].name);
  for (const config::Problem& problem : loaded.problems) {
    log_.event(LogLevel::kWarning, "access_list", config::to_string(problem), fields);
  }
  if (loaded.access == nullptr) {
    const bool is_unread = !unread(loaded.problems).empty();
    log_.event(LogLevel::kWarning, "access_list",
               is_unread ? "the files cannot be read: the old list stays in force"
                         : "the files have mistakes: the old list stays in force",
               fields);
    if (!is_editing_) return begin_edit();
    return end_edit(base::failure(
        {base::ErrorSide::kConfiguration,
         fmt::format("the list stays as it was, since its files {}: {}",
                     is_unread ? "cannot be read" : "have mistakes", config::first_error(loaded.problems))}));
  }
  fields.number("networks", loaded.access->prefixes().size());
  fields.number("took_ms", static_cast<std::uint64_t>(loaded.took.count()));
  log_.event(LogLevel::kInfo, "access_list",
             is_editing_ ? "the list was changed by an operator" : "the files were read again", fields);
  if (!loaded.filter_error.empty()) {
    log_.event(LogLevel::kWarning, "access_list",
               "the packet filter cannot have the list, so the gate alone refuses: " + loaded.filter_error,
               fields);
  }
  if (loaded.filter_is_stuck) {
    put_filter(loaded.listener, nullptr);
    without_filter_.insert(loaded.listener);
  } else if (loaded.filter_error.empty() && without_filter_.contains(loaded.listener)) {
    const std::shared_ptr<net::PacketFilter> filter = (*doors_)[loaded.listener].filter;
    const bool is_put = put_filter(loaded.listener, filter);
    filter->set_in_force(is_put);
    if (is_put) without_filter_.erase(loaded.listener);
    log_.event(is_put ? LogLevel::kInfo : LogLevel::kWarning, "access_list",
               is_put ? "the packet filter has the list again"
                      : "the packet filter cannot be put on again, so the gate alone refuses",
               fields);
  }
  publisher_.replace_access(loaded.listener, std::move(loaded.access));
  if (is_editing_) return end_edit_when_in_force();
  begin_edit();
  load_changed();
}

// A client who comes after the answer meets the new list.
void AccessWatch::end_edit_when_in_force() {
  if (publisher_.is_settled()) return end_edit({});
  in_force_timer_.start(kInForceInterval);
}

std::optional<std::size_t> AccessWatch::find(const std::string& listener) const {
  for (std::size_t i = 0; i < config_->listeners.size(); ++i) {
    if (config_->listeners[i].name == listener) return i;
  }
  return std::nullopt;
}

void AccessWatch::edit(Edit edit, EditDone done) {
  if (edits_.size() >= kMostEdits) {
    return done(base::failure({base::ErrorSide::kSystem, "too many changes of lists wait: ask again"}));
  }
  edits_.emplace_back(std::move(edit), std::move(done));
  begin_edit();
}

void AccessWatch::begin_edit() {
  if (is_loading_ || is_paused_ || is_editing_ || edits_.empty()) return;
  const auto refuse = [this](std::string why) {
    end_edit(base::failure({base::ErrorSide::kConfiguration, std::move(why)}));
  };
  is_editing_ = true;
  const Edit& edit = edits_.front().first;
  const auto listener = find(edit.listener);
  if (!listener) return refuse("there is no listener \"" + edit.listener + "\" any more");
  AccessAdditions additions = additions_to(additions_, edit.listener);
  std::vector<base::Prefix>& side = edit.denies ? additions.deny : additions.allow;
  const auto known = std::find(side.begin(), side.end(), edit.network);
  if (edit.adds && known != side.end()) return end_edit({});
  if (!edit.adds && known == side.end()) {
    return refuse(
        edit.network.to_string() +
        " is none that was added here: what stands in the configuration or its files is changed there");
  }
  if (edit.adds && !edit.denies && !config_->listeners[*listener].access.allow.is_given()) {
    return refuse(
        "the listener has no `allow`: with one network there, every other client would be denied. "
        "Write access.allow in the configuration");
  }
  if (edit.adds && side.size() >= kMostAdditions) {
    return refuse("as many networks as may be were added here: write them into a file of the list");
  }
  if (edit.adds) {
    side.push_back(edit.network);
  } else {
    side.erase(known);
  }
  if (!load(*listener, additions)) return refuse("the system gives no thread");
  edits_.front().first.result = std::move(additions);
}

void AccessWatch::end_edit(base::Result<void> result) {
  auto [edit, done] = std::move(edits_.front());
  edits_.pop_front();
  is_editing_ = false;
  if (result && edit.result) additions_[edit.listener] = *std::move(edit.result);
  done(std::move(result));
  begin_edit();
  load_changed();
}

bool AccessWatch::put_filter(std::size_t listener, const std::shared_ptr<net::PacketFilter>& filter) {
  bool is_put = true;
  for (const Assigned& one : publisher_.current().sockets) {
    if (one.listener != listener || !one.socket->is_tcp()) continue;
    is_put = one.socket->set_filter(filter).has_value() && is_put;
  }
  return is_put;
}

}  // namespace weir::server
