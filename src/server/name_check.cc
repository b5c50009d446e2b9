#include "server/name_check.h"

#include <fmt/format.h>

#include <functional>
#include <map>

#include "server/backend_specs.h"
#include "server/name_watches.h"

namespace weir::server {
namespace {

using config::Problems;

class Asking {
 public:
  Asking(const config::Config& config, net::EventLoop& loop, Problems& problems)
      : config_(config), loop_(loop), problems_(problems), specs_(config), watches_(loop) {}

  void ask(const NameAtStart& name) {
    const config::PoolConfig& pool = config_.pools[name.pool];
    const config::BackendConfig& entry = pool.backends[name.backend];
    auto watch = watches_.of(pool.resolve);
    if (!watch) return config::add_error(problems_, entry.address.place, watch.error().message());
    const std::size_t number = is_open_.size();
    is_open_.push_back(true);
    ++left_;
    const auto refuse = [this, &pool, &entry, number](const std::string& why) {
      if (!settle(number)) return;
      config::add_error(problems_, entry.address.place, fmt::format("pools.{}.backends: {}", pool.name, why));
    };
    discovery::NameCallbacks callbacks;
    callbacks.failed = refuse;
    callbacks.noted = refuse;  // comes after the answer, if there is one
    callbacks.changed = [this, &pool, &entry, number, &name](const auto& endpoints) {
      if (!settle(number)) return;
      if (answered_) answered_(name, endpoints);
      for (const auto& endpoint : endpoints) {
        if (auto loop = specs_.loop(pool, entry, endpoint.address)) problems_.push_back(*std::move(loop));
      }
    };
    (*watch)->add(name_spec_of(pool, entry), {}, std::move(callbacks));
  }

  using Answered = std::function<void(const NameAtStart&, const std::vector<discovery::DiscoveredEndpoint>&)>;
  // `answered` is told of each answer from now on.
  void tell(Answered answered) { answered_ = std::move(answered); }

  void wait() {
    if (left_ > 0) loop_.run();
  }
  void wait(base::Millis limit) {
    net::Timer timer;
    timer.bind<&net::EventLoop::stop>(loop_, &loop_);
    timer.start(limit);
    wait();
  }

 private:
  // False: it has been answered before.
  bool settle(std::size_t number) {
    if (!is_open_[number]) return false;
    is_open_[number] = false;
    if (--left_ == 0) loop_.stop();
    return true;
  }

  const config::Config& config_;
  net::EventLoop& loop_;
  Problems& problems_;
  const BackendSpecs specs_;
  NameWatches watches_;
  Answered answered_;
  std::vector<bool> is_open_;
  std::size_t left_ = 0;
};

}  // namespace

void check_names(const config::Config& config, const World& world, Problems& problems) {
  const auto loop = net::EventLoop::create();
  if (!loop) return config::add_error(problems, {}, loop.error().message());
  Asking asking(config, **loop, problems);
  for (const NameAtStart& name : world.names) {
    if (is_for_later(config.pools[name.pool])) asking.ask(name);
  }
  asking.wait();
}

void await_names(const config::Config& config, World& world, base::Millis limit) {
  const auto loop = net::EventLoop::create();
  if (!loop) return;
  config::Problems ignored;  // whoever keeps the names tells of them
  Asking asking(config, **loop, ignored);
  asking.tell([&world](const NameAtStart& name, const auto& endpoints) {
    world.names[static_cast<std::size_t>(&name - world.names.data())].endpoints = endpoints;
  });
  for (const NameAtStart& name : world.names) {
    const bool is_new = name.endpoints.empty() && !name.why_none.empty();
    if (is_new && is_for_later(config.pools[name.pool])) asking.ask(name);
  }
  asking.wait(limit);
}

}  // namespace weir::server
