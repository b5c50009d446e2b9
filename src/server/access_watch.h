// Watches the files of the access lists and replaces a list, whole, when they change or when an operator adds
// to it; one with a mistake leaves the old list in force. On the control loop, which looks once a second;
// reading and building run on a thread of their own, since a long list takes its time.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "config/model.h"
#include "net/mailbox.h"
#include "net/packet_filter.h"
#include "net/watch.h"
#include "server/access_lists.h"
#include "server/log_writer.h"
#include "server/publisher.h"
#include "server/watched_files.h"

namespace weir::server {

class AccessWatch {
 public:
  struct Parts {
    const config::Config& config;
    const std::vector<DoorRules>& doors;
    Publisher& publisher;
    LogWriter& log;
    std::chrono::system_clock::time_point read_since;  // the lists in force were read after this
    AdditionsByListener additions{};                   // that are in them, by another process
  };

  // Fails when the kernel gives no descriptor. Takes the files as they are now for those that are in force.
  static base::Result<std::unique_ptr<AccessWatch>> create(net::EventLoop& loop, Parts parts);
  ~AccessWatch();
  AccessWatch(const AccessWatch&) = delete;
  AccessWatch& operator=(const AccessWatch&) = delete;

  // Begins to watch, if any listener has files.
  void start();

  // The listeners of another configuration from now on, whose lists were read after `read_since`. What the
  // arguments refer to outlives this, or the next change. Precondition: it is not busy.
  void change(const config::Config& config, const std::vector<DoorRules>& doors,
              std::chrono::system_clock::time_point read_since);

  // Begins to read no more files, until it is to go on.
  void pause() { is_paused_ = true; }
  void go_on();

  // What an operator wants of a list: one network more, or one that was added so no more.
  struct Edit {
    std::string listener;
    bool denies = true;  // its side
    base::Prefix network;
    bool adds = true;
    std::optional<AccessAdditions> result{};  // for its own use
  };
  // It is in force, or why not.
  using EditDone = std::function<void(base::Result<void>)>;
  // Builds the list anew. Those that are asked for meanwhile come after it, and after a reload that is under
  // way. What is asked for is kept by reloads while the listener is there. Precondition: the listener exists.
  void edit(Edit edit, EditDone done);
  // Precondition: it is not busy, or paused.
  const AdditionsByListener& additions() const { return additions_; }

  // It is reading a file, whose list is to be published yet.
  bool is_busy() const { return is_loading_ || is_editing_; }

 private:
  struct Watched {
    std::size_t listener = 0;
    WatchedFiles files;
    std::string unread;  // why the files could not be read at the last try; empty: they could
  };

  // What the reading thread brings.
  struct Loaded {
    std::size_t listener = 0;
    config::Problems problems;
    std::shared_ptr<const admission::AccessList> access;  // null: an error
    std::string filter_error;
    bool filter_is_stuck = false;  // it still has the old list
    base::Millis took{0};
  };

  AccessWatch(net::EventLoop& loop, Parts parts, std::unique_ptr<net::Mailbox<Loaded>> mailbox);
  // What was added to lists that the configuration has no more.
  void forget_additions();
  void watch_all(std::chrono::system_clock::time_point read_since);
  void look();
  // Reads the lists of files that have changed and are quiet again; one at a time.
  void load_changed();
  // False: the system gives no thread, which is told.
  bool load(std::size_t listener, const AccessAdditions& additions);
  void take(Loaded&& loaded);
  // Of a file that has changed. True: it was told, or is to be told again later.
  bool take_failure(const Loaded& loaded);
  void begin_edit();
  void end_edit(base::Result<void> result);
  void end_edit_when_in_force();
  std::optional<std::size_t> find(const std::string& listener) const;
  // Null: none. False: a socket of the listener has not got it.
  bool put_filter(std::size_t listener, const std::shared_ptr<net::PacketFilter>& filter);

  Publisher& publisher_;
  LogWriter& log_;
  const config::Config* config_;
  const std::vector<DoorRules>* doors_;
  const std::unique_ptr<net::Mailbox<Loaded>> mailbox_;
  std::vector<Watched> watched_;
  std::set<std::size_t> without_filter_;  // listeners whose filter was taken off, since it was stuck
  AdditionsByListener additions_;
  std::deque<std::pair<Edit, EditDone>> edits_;  // the first may be under way
  bool is_editing_ = false;                      // it is
  net::Timer timer_;
  net::Timer in_force_timer_;
  std::thread loader_;
  std::size_t next_ =
      0;  // whose turn it is, so that a list that changes for ever does not hold up the others
  bool is_loading_ = false;
  bool is_paused_ = false;
};

}  // namespace weir::server
