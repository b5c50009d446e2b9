#include "cli/admin_door.h"

#include "admin/routes.h"
#include "config/addresses.h"

namespace weir::cli {

std::unique_ptr<admin::HttpServer> open_door(const config::Placed<base::Address>& bind,
                                             const std::unique_ptr<server::Supervisor>& supervisor,
                                             server::Inheritance* inheritance, config::Problems& problems) {
  constexpr base::Millis kPatience{10'000};
  const auto rules = [&supervisor, is_far = config::is_far(bind.value)] {
    const auto running = supervisor->running();
    return admin::GuardRules{running->admin_token, running->config.admin.hosts, is_far};
  };
  auto opened = admin::HttpServer::open(
      bind.value,
      [&supervisor, rules](admin::HttpRequest&& request, const admin::HttpReply& reply) {
        admin::answer(std::move(request), reply, {*supervisor, *supervisor, rules});
      },
      kPatience, inheritance == nullptr ? base::UniqueFd() : inheritance->take_door(bind.value));
  if (opened) return std::move(*opened);
  config::add_error(problems, bind.place, opened.error().message());
  return nullptr;
}

}  // namespace weir::cli
