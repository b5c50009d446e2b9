// Watches the files of the listeners whose clients' TLS ends here, and puts what is in them in force when
// they have changed: whole, from the next handshake on; with a mistake among them all that was in force
// stays. On the control loop, which looks once a second; reading runs on a thread of its own.
#pragma once

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "config/model.h"
#include "net/mailbox.h"
#include "net/watch.h"
#include "server/listener_tls.h"
#include "server/log_writer.h"
#include "server/watched_files.h"

namespace weir::server {

class CertificateWatch {
 public:
  struct Parts {
    const config::Config& config;
    const std::vector<ListenerTls>& tls;  // one for each listener
    LogWriter& log;
    std::chrono::system_clock::time_point read_since;  // what is in force was read after this
  };

  // Fails when the kernel gives no descriptor.
  static base::Result<std::unique_ptr<CertificateWatch>> create(net::EventLoop& loop, Parts parts);
  ~CertificateWatch();
  CertificateWatch(const CertificateWatch&) = delete;
  CertificateWatch& operator=(const CertificateWatch&) = delete;

  // Begins to watch, if there is anything.
  void start();

 private:
  struct Watched {
    std::size_t listener = 0;
    WatchedFiles files;
    std::string refused;  // why they are not in force; empty: they are
  };

  // What the reading thread brings.
  struct Loaded {
    std::size_t watched = 0;
    ReloadedTls tls;
  };

  CertificateWatch(net::EventLoop& loop, Parts parts, std::unique_ptr<net::Mailbox<Loaded>> mailbox);
  void look();
  // Reads the files of a listener that have changed and are quiet again; one at a time.
  void load_changed();
  void load(std::size_t watched);
  void take(Loaded&& loaded);
  void tell_in_force(const std::string& listener, const tls::ServerContexts& contexts);

  const Parts parts_;
  const std::unique_ptr<net::Mailbox<Loaded>> mailbox_;
  std::vector<Watched> watched_;
  net::Timer timer_;
  std::thread loader_;
  bool is_loading_ = false;
};

}  // namespace weir::server
