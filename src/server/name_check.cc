#include "server/name_check.h"

#include <fmt/format.h>

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
    callbacks.changed = [this, &pool, &entry, number](const auto& endpoints) {
      if (!settle(number)) return;
      for (const auto& endpoint : endpoints) {
        if (auto loop = specs_.loop(pool, entry, endpoint.address)) problems_.push_back(*std::move(loop));
      }
    };
    (*watch)->add(name_spec_of(pool, entry), {}, std::move(callbacks));
  }

  void wait() {
    if (left_ > 0) loop_.run();
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

}  // namespace weir::server
