#include "server/certificate_watch.h"

#include "base/assert.h"
#include "net/thread.h"

namespace weir::server {
base::Result<std::unique_ptr<CertificateWatch>> CertificateWatch::create(net::EventLoop& loop, Parts parts) {
  auto mailbox = net::Mailbox<Loaded>::create(loop, 4);
  if (!mailbox) return base::failure(std::move(mailbox.error()));
  return std::unique_ptr<CertificateWatch>(new CertificateWatch(loop, parts, std::move(*mailbox)));
}

CertificateWatch::CertificateWatch(net::EventLoop& loop, Parts parts,
                                   std::unique_ptr<net::Mailbox<Loaded>> mailbox)
    : log_(parts.log), config_(&parts.config), tls_(&parts.tls), mailbox_(std::move(mailbox)) {
  timer_.bind<&CertificateWatch::look>(loop, this);
  mailbox_->open([this](Loaded&& loaded) { take(std::move(loaded)); });
  watch_all(parts.read_since);
}

void CertificateWatch::change(const config::Config& config, const std::vector<ListenerTls>& tls,
                              std::chrono::system_clock::time_point read_since) {
  WEIR_ASSERT(!is_loading_);
  config_ = &config;
  tls_ = &tls;
  watch_all(read_since);
  start();
}

void CertificateWatch::watch_all(std::chrono::system_clock::time_point read_since) {
  watched_.clear();
  for (std::size_t i = 0; i < tls_->size(); ++i) {
    if ((*tls_)[i].termination == nullptr) continue;
    watched_.push_back({i, WatchedFiles(tls_files(*config_->listeners[i].tls), read_since), ""});
  }
}

CertificateWatch::~CertificateWatch() {
  if (loader_.joinable()) loader_.join();
}

void CertificateWatch::start() {
  if (!watched_.empty()) timer_.start(kLookInterval);
}

void CertificateWatch::look() {
  load_changed();
  for (Watched& watched : watched_) watched.files.note();
  start();
}

void CertificateWatch::load_changed() {
  for (std::size_t i = 0; i < watched_.size() && !is_loading_; ++i) {
    next_ = (next_ + 1) % watched_.size();
    if (watched_[next_].files.take_change()) load(next_);
  }
}

void CertificateWatch::load(std::size_t watched) {
  const std::size_t listener = watched_[watched].listener;
  const config::ListenerConfig& from = config_->listeners[listener];
  const ListenerTls& live = (*tls_)[listener];
  if (loader_.joinable()) loader_.join();  // it has brought its last already
  auto thread = net::start_thread("certificates", [this, watched, &from, &live] {
    static_cast<void>(
        mailbox_->post({watched, reload_listener_tls(from, live)}));  // one at a time: there is room
  });
  if (!thread) {
    watched_[watched].files.forget_read();
    log_.event(LogLevel::kWarning, "certificates", thread.error().message());
    return;
  }
  loader_ = std::move(*thread);
  is_loading_ = true;
}

void CertificateWatch::take(Loaded&& loaded) {
  is_loading_ = false;
  Watched& watched = watched_[loaded.watched];
  const std::string& name = config_->listeners[watched.listener].name;
  const std::string refused = config::errors_as_text(loaded.tls.problems, "\n");
  // A pair may be put in place in two steps, minutes apart, and what cannot be read yet may be so soon: it is
  // tried again, and told of once.
  if (!refused.empty()) watched.files.forget_read();
  if (!refused.empty() && refused == watched.refused) return;
  watched.refused = refused;
  base::LogFields fields;
  fields.text("listener", name);
  for (const config::Problem& problem : loaded.tls.problems) {
    log_.event(LogLevel::kWarning, "certificates", config::to_string(problem), fields);
  }
  if (!refused.empty()) {
    log_.event(LogLevel::kWarning, "certificates",
               "the files have mistakes: what was read before stays in force", fields);
    return;
  }
  put_in_force(loaded.tls, (*tls_)[watched.listener]);
  tell_in_force(name, *loaded.tls.contexts);
  load_changed();
}

void CertificateWatch::tell_in_force(const std::string& listener, const tls::ServerContexts& contexts) {
  for (const tls::CertificateFact& fact : contexts.certificates()) {
    base::LogFields fields;
    fields.text("listener", listener);
    fields.text("file", fact.file);
    fields.text("subject", fact.subject);
    fields.text("not_after", tls::utc_text(fact.not_after));
    log_.event(LogLevel::kInfo, "certificates", "in force from the next handshake on", fields);
  }
}

}  // namespace weir::server
