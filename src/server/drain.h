// The polite end: go on accepting for a while if that is wanted, stop accepting, wait for the sessions, say
// what is being waited for, and close the rest when the time is over. On the control loop. A second request,
// or the end of the time, cuts what is left. Where another process serves from now on, what is here has
// longer; a request then means what it would have meant before.
#pragma once

#include <functional>
#include <optional>

#include "admission/connection_slots.h"
#include "net/watch.h"
#include "server/log_writer.h"
#include "server/publisher.h"

namespace weir::server {

class Drain {
 public:
  struct Parts {
    const WorkerSet& workers;
    const admission::ConnectionSlots& slots;
    LogWriter& log;
    Publisher& serving;
    std::function<base::Millis()> delay;    // before accepting stops, as configured now
    std::function<base::Millis()> timeout;  // from then on
    std::function<void()> stop_inviting;    // called once, when accepting is about to stop
  };

  // `done` is called once, when no session is left.
  Drain(net::EventLoop& loop, Parts parts, std::function<void()> done);

  // The first call begins; a second one cuts what is left.
  void request();

  // Another process accepts by now: accepting ends at once, and what is open may go on for so long, or, with
  // nothing, for as long as it lasts. Nothing happens once it has begun.
  void retire(std::optional<base::Millis> timeout);

  // Whether sessions had to be cut.
  bool forced() const { return forced_; }

 private:
  void look();
  void hurry();
  void begin_to_stop(base::TimePoint now);
  void say_that_it_drains(std::string_view limit, const std::string& timeout) const;
  bool post_to_all(session::CloseReason reason);
  bool stop_accepting();
  // Asks for the cut, which comes once the last listening socket has closed.
  void cut(session::CloseReason reason);
  bool post_cut();
  void say_what_is_waited_for();

  const Parts parts_;
  const std::function<void()> done_;
  net::Timer timer_;
  bool begun_ = false;
  bool forced_ = false;
  bool retired_ = false;  // and nobody has asked for the end
  std::optional<base::Millis> retired_timeout_;
  bool stopping_ = false;  // the delay is over
  bool may_close_ = false;
  bool stop_posted_ = false;
  bool cut_wanted_ = false;
  bool cut_posted_ = false;
  session::CloseReason cut_reason_ = session::CloseReason::kDrainTimeout;
  base::TimePoint stop_at_;
  std::optional<base::TimePoint> deadline_;  // nothing: as long as sessions last
  base::TimePoint next_word_;
};

}  // namespace weir::server
