#include "admin/http_loop.h"

#include <event2/event.h>
#include <sys/eventfd.h>

#include <cerrno>

#include "base/assert.h"

namespace weir::admin {

void HttpLoop::Free::operator()(event_base* base) const { event_base_free(base); }
void HttpLoop::Free::operator()(event* event) const { event_free(event); }

base::Result<std::unique_ptr<HttpLoop>> HttpLoop::create() {
  struct ConfigFree {
    void operator()(event_config* config) const { event_config_free(config); }
  };
  const std::unique_ptr<event_config, ConfigFree> config(event_config_new());
  WEIR_ASSERT(config != nullptr);
  // One thread: no locks; and no environment variable may choose another backend than epoll.
  event_config_set_flag(config.get(), EVENT_BASE_FLAG_NOLOCK);
  event_config_set_flag(config.get(), EVENT_BASE_FLAG_IGNORE_ENV);
  errno = 0;
  base::UniqueFd wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake) return base::failure(base::system_error("eventfd", errno));
  std::unique_ptr<event_base, Free> base(event_base_new_with_config(config.get()));
  if (base == nullptr) return base::failure(base::system_error("event loop", errno == 0 ? ENOMEM : errno));
  std::unique_ptr<HttpLoop> loop(new HttpLoop(std::move(wake), std::move(base)));
  if (loop->stop_ == nullptr || event_add(loop->stop_.get(), nullptr) != 0) {
    return base::failure(base::system_error("event loop", ENOMEM));
  }
  return loop;
}

HttpLoop::HttpLoop(base::UniqueFd wake, std::unique_ptr<event_base, Free> base)
    : wake_(std::move(wake)),
      base_(std::move(base)),
      stop_(event_new(
          base_.get(), wake_.get(), EV_READ,
          [](evutil_socket_t, short, void* loop) { static_cast<HttpLoop*>(loop)->stopping_ = true; }, this)) {
}

HttpLoop::~HttpLoop() = default;

void HttpLoop::run(const std::function<void()>& end_of_turn) {
  while (!stopping_) {
    const int result = event_base_loop(base_.get(), EVLOOP_ONCE);
    WEIR_ASSERT(result >= 0);
    end_of_turn();
  }
}

void HttpLoop::stop() { ::eventfd_write(wake_.get(), 1); }

}  // namespace weir::admin
