#include "server/publisher.h"

#include <algorithm>

namespace weir::server {
namespace {

constexpr base::Millis kAgain{20};

}  // namespace

Publisher::Publisher(net::EventLoop& loop, const WorkerSet& workers, std::shared_ptr<const Serving> serving)
    : workers_(workers), current_(std::move(serving)) {
  timer_.bind<&Publisher::hand_out>(loop, this);
}

void Publisher::publish(std::shared_ptr<const Serving> serving) {
  before_.push_back(std::exchange(current_, std::move(serving)));
  owed_ = workers_.all();
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
  std::erase_if(owed_, [this](const auto& worker) { return worker->post(Serve{current_}); });
  if (!is_settled()) timer_.start(kAgain);
}

bool Publisher::is_settled() {
  // To let go of it is what makes all that the workers did before they let go of it visible here.
  std::erase_if(before_, [](const auto& serving) { return serving.use_count() == 1; });
  return owed_.empty() && before_.empty();
}

}  // namespace weir::server
