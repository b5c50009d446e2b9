// Who the process is: changing to another user for good, and what a user may do. Called before any thread
// exists and before anything is bound. The only file that knows capabilities(7).
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"

namespace weir::net {

struct UserIds {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

// The user of that name, or the error that says there is none.
base::Result<UserIds> find_user(const std::string& name);

// Whether this process may bind `port`: not a privileged one, or the right is held (CAP_NET_BIND_SERVICE).
bool may_bind(std::uint16_t port);

// Whether a port needs a right to be bound, by net.ipv4.ip_unprivileged_port_start.
bool is_privileged(std::uint16_t port);

// Whether this process may connect from an address that this host has not (ConnectFrom::transparent):
// CAP_NET_RAW or CAP_NET_ADMIN, ip(7).
bool may_be_transparent();

// Whether this process may become another user: root in full, or CAP_SETUID, CAP_SETGID and CAP_SETPCAP.
bool may_change_user();

// The capabilities that stay after the change of user.
struct KeptRights {
  bool bind_service = false;
  bool net_admin = false;  // packet filters of mode `classic` (net/packet_filter)
  bool net_raw = false;    // connects from addresses that this host has not (ConnectFrom::transparent)
};

// Becomes `user` with its groups, for good, keeping only `kept`. Nothing happens when the process already is
// that user. Precondition: one thread. Fails without the right to change (root, or CAP_SETUID and
// CAP_SETGID).
base::Result<void> become(const UserIds& user, KeptRights kept);

// Lets a program that this thread executes have the rights that the thread has (ambient capabilities):
// without it only root keeps them. Of this thread alone. Fails where the kernel refuses (a `NoNewPrivileges`
// does not).
base::Result<void> pass_rights_on();

// What a program was given in that way it has, and passes on no further. Precondition: one thread.
void keep_rights_to_oneself();

// What a user may be asked about a path; the last of a directory. To reach it is to search what leads there.
enum class Access { kReach, kRead, kWrite, kMakeFiles };

// Whether `user` may do that to `path`, asked of the kernel by a child that becomes the user. 0, or the
// errno. When this process is not root it asks as itself.
int access_as(const UserIds& user, const std::string& path, Access access);

}  // namespace weir::net
