#include "net/event_loop.h"

#include <event2/event.h>

#include <cerrno>

#include "base/assert.h"

namespace weir::net {

base::Result<std::unique_ptr<EventLoop>> EventLoop::create() {
  struct ConfigFree {
    void operator()(event_config* config) const { event_config_free(config); }
  };
  const std::unique_ptr<event_config, ConfigFree> config(event_config_new());
  WEIR_ASSERT(config != nullptr);
  // One thread a loop: no locks; and no environment variable may choose another backend than epoll.
  event_config_set_flag(config.get(), EVENT_BASE_FLAG_NOLOCK);
  event_config_set_flag(config.get(), EVENT_BASE_FLAG_IGNORE_ENV);
  // Changes of interest are told to the kernel once a turn, and what cancels out not at all: a connect that
  // turns into a relay costs one call instead of two. Safe because no descriptor here is ever duplicated, and
  // a descriptor that is closed and opened again within a turn is told apart by the kernel's own ENOENT. What
  // the kernel refuses shows through `report_loop_warnings`.
  event_config_set_flag(config.get(), EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
  event_config_require_features(config.get(), EV_FEATURE_ET | EV_FEATURE_O1);
  errno = 0;
  event_base* base = event_base_new_with_config(config.get());
  if (base == nullptr) return base::failure(base::system_error("event loop", errno == 0 ? ENOMEM : errno));
  return std::unique_ptr<EventLoop>(new EventLoop(base));
}

EventLoop::~EventLoop() { event_base_free(base_); }

void EventLoop::run() {
  stopping_ = false;
  while (!stopping_) {
    const int result = event_base_loop(base_, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY);
    WEIR_ASSERT(result >= 0);
    for (const auto& hook : hooks_) hook();
  }
}

void report_loop_warnings(std::function<void(std::string_view)> report) {
  // The library's hook is a bare function, one for the whole process.
  static std::function<void(std::string_view)> receiver;
  receiver = std::move(report);
  const event_log_cb hook = [](int severity, const char* message) {
    if (severity >= EVENT_LOG_WARN) receiver(message);
  };
  event_set_log_callback(receiver == nullptr ? nullptr : hook);
}

}  // namespace weir::net
