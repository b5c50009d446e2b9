#include "admin/http_loop.h"

#include <event2/event.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <utility>

#include "base/assert.h"

namespace weir::admin {
namespace {

constexpr int kLastTurns = 3;

}  // namespace

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
  if (loop->wake_ == nullptr || event_add(loop->wake_.get(), nullptr) != 0) {
    return base::failure(base::system_error("event loop", ENOMEM));
  }
  return loop;
}

HttpLoop::HttpLoop(base::UniqueFd wake, std::unique_ptr<event_base, Free> base)
    : posts_(std::make_shared<HttpPosts>(std::move(wake))),
      base_(std::move(base)),
      wake_(event_new(
          base_.get(), posts_->wake_.get(), EV_READ | EV_PERSIST,
          [](evutil_socket_t, short, void* loop) { static_cast<HttpLoop*>(loop)->on_wake(); }, this)) {}

HttpLoop::~HttpLoop() {
  const std::lock_guard lock(posts_->mutex_);
  posts_->is_closed_ = true;
}

void HttpLoop::on_wake() {
  eventfd_t ignored = 0;
  ::eventfd_read(posts_->wake_.get(), &ignored);
  for (const auto& work : posts_->take()) work();
}

void HttpLoop::run(const std::function<void()>& end_of_turn) {
  while (!stopping_) {
    const int result = event_base_loop(base_.get(), EVLOOP_ONCE);
    WEIR_ASSERT(result >= 0);
    end_of_turn();
  }
  // What was answered last is on its way: a turn writes it.
  for (int turn = 0; turn < kLastTurns; ++turn) event_base_loop(base_.get(), EVLOOP_NONBLOCK);
}

void HttpLoop::stop() {
  posts_->post([this] { stopping_ = true; });
}

void HttpPosts::post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_) return;
    waiting_.push_back(std::move(work));
  }
  ::eventfd_write(wake_.get(), 1);
}

std::vector<std::function<void()>> HttpPosts::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(waiting_, {});
}

}  // namespace weir::admin
