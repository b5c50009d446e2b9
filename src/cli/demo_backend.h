// A small backend for the demo: it names itself in every answer. To an HTTP request it answers with HTTP, to
// any other line with that line. All of the demo's backends share one thread and one loop.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "net/event_loop.h"
#include "net/mailbox.h"

namespace weir::cli {

class DemoBackends {
 public:
  // One listener on 127.0.0.1 for each name, on a free port.
  static base::Result<std::unique_ptr<DemoBackends>> open(const std::vector<std::string>& names);
  ~DemoBackends();  // ends the thread
  DemoBackends(const DemoBackends&) = delete;
  DemoBackends& operator=(const DemoBackends&) = delete;

  base::Result<void> start();

  // In the order of the names.
  const std::vector<base::Address>& addresses() const { return addresses_; }

 private:
  class Connection;
  class Listener;
  struct Stop {};

  DemoBackends(std::unique_ptr<net::EventLoop> loop, std::unique_ptr<net::Mailbox<Stop>> mailbox);

  const std::unique_ptr<net::EventLoop> loop_;
  const std::unique_ptr<net::Mailbox<Stop>> mailbox_;
  std::vector<base::Address> addresses_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::thread thread_;
};

// What the backend `name` answers to the bytes `received` so far: takes whole requests or lines off the
// front, leaves an unfinished one. Pure.
std::string demo_answer(const std::string& name, std::string& received);

}  // namespace weir::cli
