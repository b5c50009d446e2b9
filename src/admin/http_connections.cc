#include "admin/http_connections.h"

#include <event2/bufferevent.h>

#include "base/unique_fd.h"

namespace weir::admin {
namespace {

// bufferevent_free takes the callbacks away, even while somebody else keeps a reference.
bool is_served(bufferevent* connection) {
  bufferevent_event_cb on_event = nullptr;
  bufferevent_getcb(connection, nullptr, nullptr, &on_event, nullptr);
  return on_event != nullptr;
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
  for (bufferevent* connection : open_) bufferevent_decref(connection);
}

bufferevent* HttpConnections::add(event_base* base) {
  sweep();
  while (open_.size() >= most_) close_first();
  bufferevent* connection = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
  if (connection == nullptr) return nullptr;
  bufferevent_incref(connection);
  open_.push_back(connection);
  return connection;
}

void HttpConnections::sweep() {
  std::erase_if(open_, [](bufferevent* connection) {
    if (is_served(connection)) return false;
    let_go(connection);
    return true;
  });
}

// evhttp is told that the client has left, and frees the connection before this returns.
void HttpConnections::close_first() {
  bufferevent* first = open_.front();
  open_.pop_front();
  bufferevent_trigger_event(first, BEV_EVENT_READING | BEV_EVENT_EOF, 0);
  let_go(first);
}

}  // namespace weir::admin
