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

  // The listeners of another configuration from now on, whose files were read after `read_since`. What the
  // arguments refer to outlives this, or the next change. Precondition: it is not busy.
  void change(const config::Config& config, const std::vector<ListenerTls>& tls,
              std::chrono::system_clock::time_point read_since);

  // It is reading files, which are to be put in force yet.
  bool is_busy() const { return is_loading_; }

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
  void watch_all(std::chrono::system_clock::time_point read_since);
  void look();
  // Reads the files of a listener that have changed and are quiet again; one at a time.
  void load_changed();
  void load(std::size_t watched);
  void take(Loaded&& loaded);
  void tell_in_force(const std::string& listener, const tls::ServerContexts& contexts);

  LogWriter& log_;
  const config::Config* config_;
  const std::vector<ListenerTls>* tls_;
  const std::unique_ptr<net::Mailbox<Loaded>> mailbox_;
  std::vector<Watched> watched_;
  std::size_t next_ = 0;  // the last that had its turn: one with mistakes does not hold up the others
  net::Timer timer_;
  std::thread loader_;
  bool is_loading_ = false;
};

}  // namespace weir::server
