#include "server/publisher.h"

#include <algorithm>

namespace weir::server {
namespace {

constexpr base::Millis kAgain{20};

}  // namespace

Publisher::Publisher(net::EventLoop& loop, const std::vector<std::unique_ptr<Worker>>& workers,
                     std::shared_ptr<const Serving> serving)
    : workers_(workers), current_(std::move(serving)), owed_(workers.size(), false) {
  timer_.bind<&Publisher::hand_out>(loop, this);
}

void Publisher::publish(std::shared_ptr<const Serving> serving) {
  current_ = std::move(serving);
  owed_.assign(workers_.size(), true);
  hand_out();
}

void Publisher::replace_access(std::size_t listener, std::shared_ptr<const admission::AccessList> access) {
  auto serving = std::make_shared<Serving>(*current_);
  auto changed = std::make_shared<Listener>(*serving->listeners[listener]);
  changed->door.gate.access = std::move(access);
  serving->listeners[listener] = std::move(changed);
  publish(std::move(serving));
}

void Publisher::hand_out() {
  for (std::size_t i = 0; i < owed_.size(); ++i) {
    if (owed_[i]) owed_[i] = !workers_[i]->post(Serve{current_});
  }
  if (std::find(owed_.begin(), owed_.end(), true) != owed_.end()) timer_.start(kAgain);
}

}  // namespace weir::server
