#include "admin/http_connections.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include <algorithm>

#include "base/unique_fd.h"

namespace weir::admin {
namespace {

// bufferevent_free takes the callbacks away, even while somebody else keeps a reference.
bool is_served(bufferevent* connection) {
  bufferevent_event_cb on_event = nullptr;
  bufferevent_getcb(connection, nullptr, nullptr, &on_event, nullptr);
  return on_event != nullptr;
}

bool is_written(bufferevent* connection) {
  return evbuffer_get_length(bufferevent_get_output(connection)) == 0;
}

// Gives the reference back. The library would close the descriptor only once the loop comes to it, after the
// whole queue of waiting clients has been taken: here its number is free at once.
void let_go(bufferevent* connection) {
  const base::UniqueFd fd(bufferevent_getfd(connection));
  bufferevent_setfd(connection, -1);
  bufferevent_decref(connection);
}

}  // namespace

HttpConnections::~HttpConnections() {
  for (const Open& one : open_) bufferevent_decref(one.connection);
  if (timer_ != nullptr) event_free(timer_);
}

bufferevent* HttpConnections::add(event_base* base) {
  sweep();
  while (open_.size() >= most_) close_one();
  bufferevent* connection = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
  if (connection == nullptr) return nullptr;
  bufferevent_incref(connection);
  open_.push_back({connection, base::precise_now() + patience_});
  watch_time(base);
  return connection;
}

// The end of a turn is when time is looked at: while there are connections there is a turn now and then.
void HttpConnections::watch_time(event_base* base) {
  constexpr timeval kInterval{0, 250'000};
  if (timer_ == nullptr) {
    timer_ = event_new(
        base, -1, EV_PERSIST, [](evutil_socket_t, short, void*) {}, nullptr);
  }
  if (timer_ != nullptr && evtimer_pending(timer_, nullptr) == 0) event_add(timer_, &kInterval);
}

HttpConnections::Open* HttpConnections::find(const bufferevent* connection) {
  const auto found =
      std::find_if(open_.begin(), open_.end(), [&](const Open& one) { return one.connection == connection; });
  return found == open_.end() ? nullptr : &*found;
}

void HttpConnections::asked(const bufferevent* connection) {
  if (Open* one = find(connection)) one->awaits_answer = true;
}

void HttpConnections::answered(const bufferevent* connection) {
  Open* one = find(connection);
  if (one == nullptr) return;
  one->awaits_answer = false;
  one->had_answer = true;
  one->deadline = base::precise_now() + patience_;
}

template <class Which>
void HttpConnections::close_all(Which which) {
  for (auto found = std::find_if(open_.begin(), open_.end(), which); found != open_.end();
       found = std::find_if(open_.begin(), open_.end(), which)) {
    const Open one = *found;
    open_.erase(found);
    close(one);
  }
}

void HttpConnections::sweep() {
  std::erase_if(open_, [](const Open& one) {
    if (is_served(one.connection)) return false;
    let_go(one.connection);
    return true;
  });
  const base::TimePoint now = base::precise_now();
  close_all([now](const Open& one) { return !one.awaits_answer && now >= one.deadline; });
  if (!keeps_) {
    close_all(
        [](const Open& one) { return one.had_answer && !one.awaits_answer && is_written(one.connection); });
  }
  if (open_.empty() && timer_ != nullptr) event_del(timer_);
}

void HttpConnections::close_one() {
  auto chosen = std::find_if(open_.begin(), open_.end(), [](const Open& one) { return !one.awaits_answer; });
  if (chosen == open_.end()) chosen = open_.begin();
  const Open one = *chosen;
  open_.erase(chosen);
  close(one);
}

// evhttp is told that the client has left, and frees the connection before this returns.
void HttpConnections::close(Open one) {
  bufferevent_trigger_event(one.connection, BEV_EVENT_READING | BEV_EVENT_EOF, 0);
  let_go(one.connection);
}

}  // namespace weir::admin
