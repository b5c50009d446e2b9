#include "net/privileges.h"

#include <cap-ng.h>
#include <grp.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <vector>

namespace weir::net {

using base::failure;
using base::Result;

Result<UserIds> find_user(const std::string& name) {
  std::vector<char> buffer(std::size_t{16} * 1024);
  passwd entry{};
  passwd* found = nullptr;
  const int error = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    if (error != 0) return failure(base::system_error("look up user \"" + name + "\"", error));
    return failure(
        {base::ErrorSide::kConfiguration,
         "user \"" + name + "\" does not exist on this host; `adduser --system " + name + "` makes it"});
  }
  return UserIds{name, entry.pw_uid, entry.pw_gid};
}

bool is_privileged(std::uint16_t port) {
  std::ifstream file("/proc/sys/net/ipv4/ip_unprivileged_port_start");
  unsigned start = 0;
  if (!(file >> start)) start = 1024;
  return port != 0 && port < start;
}

bool may_bind(std::uint16_t port) {
  if (!is_privileged(port)) return true;
  return capng_get_caps_process() == 0 && capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_BIND_SERVICE) != 0;
}

bool may_be_transparent() {
  return capng_get_caps_process() == 0 && (capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_RAW) != 0 ||
                                           capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN) != 0);
}

bool may_change_user() {
  if (capng_get_caps_process() != 0) return false;
  for (const int right : {CAP_SETUID, CAP_SETGID, CAP_SETPCAP}) {
    if (capng_have_capability(CAPNG_EFFECTIVE, static_cast<unsigned>(right)) == 0) return false;
  }
  return true;
}

Result<void> become(const UserIds& user, KeptRights kept) {
  if (::geteuid() == user.uid && ::getegid() == user.gid) return {};
  capng_clear(CAPNG_SELECT_BOTH);
  const auto held = static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED);
  if (kept.bind_service) capng_update(CAPNG_ADD, held, CAP_NET_BIND_SERVICE);
  if (kept.net_admin) capng_update(CAPNG_ADD, held, CAP_NET_ADMIN);
  if (kept.net_raw) capng_update(CAPNG_ADD, held, CAP_NET_RAW);
  const int result =
      capng_change_id(static_cast<int>(user.uid), static_cast<int>(user.gid), CAPNG_INIT_SUPP_GRP);
  if (result != 0) {
    return failure(
        {base::ErrorSide::kSystem,
         "change to user \"" + user.name + "\" failed (" + std::to_string(result) +
             "): it needs root, or CAP_SETUID, CAP_SETGID and CAP_SETPCAP. Start as root, or remove "
             "process.user"});
  }
  return {};
}

Result<void> pass_rights_on() {
  if (::geteuid() == 0) return {};
  if (capng_get_caps_process() != 0) return failure({base::ErrorSide::kSystem, "the rights cannot be read"});
  const auto passed_on = static_cast<capng_type_t>(CAPNG_INHERITABLE | CAPNG_AMBIENT);
  bool is_inheritable = true;
  bool is_ambient = true;
  for (unsigned right = 0; right <= CAP_LAST_CAP; ++right) {
    if (capng_have_capability(CAPNG_PERMITTED, right) == 0) continue;
    is_inheritable = is_inheritable && capng_have_capability(CAPNG_INHERITABLE, right) != 0;
    is_ambient = is_ambient && capng_have_capability(CAPNG_AMBIENT, right) != 0;
    capng_update(CAPNG_ADD, passed_on, right);
  }
  // Only the first takes capset(2), which a filter of system calls may refuse: systemd's ~@privileged, say.
  // Who was given ambient rights has them inheritable.
  if ((is_inheritable || capng_apply(CAPNG_SELECT_CAPS) == 0) &&
      (is_ambient || capng_apply(CAPNG_SELECT_AMBIENT) == 0)) {
    return {};
  }
  return failure(
      {base::ErrorSide::kSystem, "the rights of this user cannot be passed on to another program"});
}

void keep_rights_to_oneself() {
  if (::geteuid() == 0 || capng_get_caps_process() != 0) return;
  const auto passed_on = static_cast<capng_type_t>(CAPNG_INHERITABLE | CAPNG_AMBIENT);
  for (unsigned right = 0; right <= CAP_LAST_CAP; ++right) capng_update(CAPNG_DROP, passed_on, right);
  // Where that is refused they stay, and do no harm: nothing else is ever executed.
  static_cast<void>(capng_apply(static_cast<capng_select_t>(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT)));
}

namespace {

int mode_of(Access access) {
  switch (access) {
    case Access::kReach:
      return F_OK;
    case Access::kRead:
      return R_OK;
    case Access::kWrite:
      return W_OK;
    case Access::kMakeFiles:
      break;
  }
  return W_OK | X_OK;
}

}  // namespace

int access_as(const UserIds& user, const std::string& path, Access access) {
  const int mode = mode_of(access);
  // Nobody else to be asked for; and by then there may be threads, which no fork(2) is for.
  if (::geteuid() != 0 || user.uid == ::geteuid()) return ::access(path.c_str(), mode) == 0 ? 0 : errno;
  const pid_t child = ::fork();
  if (child < 0) return errno;
  if (child == 0) {
    const bool changed = ::initgroups(user.name.c_str(), user.gid) == 0 &&
                         ::setresgid(user.gid, user.gid, user.gid) == 0 &&
                         ::setresuid(user.uid, user.uid, user.uid) == 0;
    ::_exit(!changed ? EPERM : ::access(path.c_str(), mode) == 0 ? 0 : errno);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
}

}  // namespace weir::net
