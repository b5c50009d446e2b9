#include "server/reloader.h"

#include <utility>

#include "net/thread.h"

namespace weir::server {

base::Result<std::unique_ptr<Reloader>> Reloader::create(net::EventLoop& loop, Prepare prepare, Made made) {
  auto mailbox = net::Mailbox<Result>::create(loop, 1);
  if (!mailbox) return base::failure(std::move(mailbox.error()));
  return std::unique_ptr<Reloader>(new Reloader(std::move(prepare), std::move(made), std::move(*mailbox)));
}

Reloader::Reloader(Prepare prepare, Made made, std::unique_ptr<net::Mailbox<Result>> mailbox)
    : prepare_(std::move(prepare)), made_(std::move(made)), mailbox_(std::move(mailbox)) {
  mailbox_->open([this](Result&& result) { made_(std::move(result.next), result.took); });
}

Reloader::~Reloader() {
  if (thread_.joinable()) thread_.join();
}

base::Result<void> Reloader::request() {
  if (is_busy_) {
    is_wanted_again_ = true;
    return {};
  }
  if (thread_.joinable()) thread_.join();  // it has brought its last already
  auto thread = net::start_thread("reload", [this] {
    const base::TimePoint begun = base::precise_now();
    Result result{prepare_(), base::Millis(0)};
    result.took = std::chrono::duration_cast<base::Millis>(base::precise_now() - begun);
    static_cast<void>(mailbox_->post(std::move(result)));  // one at a time: there is room
  });
  if (!thread) return base::failure(std::move(thread.error()));
  thread_ = std::move(*thread);
  is_busy_ = true;
  return {};
}

bool Reloader::done() {
  is_busy_ = false;
  return std::exchange(is_wanted_again_, false);
}

}  // namespace weir::server
