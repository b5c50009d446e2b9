// The connections that evhttp serves, bounded in number. evhttp 2.1 takes every client and tells nobody when
// one leaves, so this makes the bufferevent of each connection and keeps a reference to it: one whose
// callbacks have been taken away is one that evhttp has done with. When all places are taken the connection
// that came first has to leave for the newest: idle ones cannot shut the door. Lives on the server's loop.
#pragma once

#include <cstddef>
#include <deque>

struct bufferevent;
struct event_base;

namespace weir::admin {

class HttpConnections {
 public:
  explicit HttpConnections(std::size_t most) : most_(most) {}
  // Precondition: evhttp has been freed, and with it every connection.
  ~HttpConnections();
  HttpConnections(const HttpConnections&) = delete;
  HttpConnections& operator=(const HttpConnections&) = delete;

  // Makes the bufferevent for a client that evhttp has just accepted; nothing when memory is out. For
  // `evhttp_set_bevcb`.
  bufferevent* add(event_base* base);

  // Closes the descriptors of the connections that evhttp has done with. At the end of every turn.
  void sweep();

 private:
  void close_first();

  const std::size_t most_;
  std::deque<bufferevent*> open_;  // the first to come in front; a reference to each
};

}  // namespace weir::admin
