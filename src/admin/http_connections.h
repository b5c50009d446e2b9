// The connections that evhttp serves, bounded in number and in time. evhttp 2.1 takes every client, tells
// nobody when one leaves, and counts its patience anew with each byte; so this makes the bufferevent of each
// connection and keeps a reference to it: one whose callbacks have been taken away is one that evhttp has
// done with. When all places are taken the connection that came first and waits for no answer has to leave
// for the newest: idle ones cannot shut the door. Lives on the server's loop.
#pragma once

#include <cstddef>
#include <deque>

#include "base/clock.h"

struct bufferevent;
struct event;
struct event_base;

namespace weir::admin {

class HttpConnections {
 public:
  // A client has `patience` in all to send a whole request, and as long to take its answer and send the next
  // one.
  HttpConnections(std::size_t most, base::Millis patience) : most_(most), patience_(patience) {}
  // Precondition: evhttp has been freed, and with it every connection.
  ~HttpConnections();
  HttpConnections(const HttpConnections&) = delete;
  HttpConnections& operator=(const HttpConnections&) = delete;

  // Makes the bufferevent for a client that evhttp has just accepted; nothing when memory is out. For
  // `evhttp_set_bevcb`.
  bufferevent* add(event_base* base);

  // The request is whole, and its client waits for us from now on.
  void asked(const bufferevent* connection);
  bool empty() const { return open_.empty(); }

  // It is being answered.
  void answered(const bufferevent* connection);

  // From now on a client that has had an answer is closed on. One that has just come may have sent its first
  // request, which nobody repeats.
  void keep_no_more() { keeps_ = false; }

  // Closes the descriptors of the connections that evhttp has done with, and the connections whose time is
  // over. At the end of every turn.
  void sweep();

 private:
  struct Open {
    bufferevent* connection;  // a reference
    base::TimePoint deadline;
    bool awaits_answer = false;
    bool had_answer = false;
  };

  Open* find(const bufferevent* connection);
  void close(Open one);
  void close_one();
  template <class Which>
  void close_all(Which which);
  void watch_time(event_base* base);

  const std::size_t most_;
  const base::Millis patience_;
  std::deque<Open> open_;  // the first to come in front
  event* timer_ = nullptr;
  bool keeps_ = true;
};

}  // namespace weir::admin
