#include "net/privileges.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <fstream>
#include <iterator>

#include "support/other_user.h"
#include "unit/net/as_nobody.h"
#include "unit/support.h"

namespace weir::net {
namespace {

UserIds this_user() { return {"this user", ::geteuid(), ::getegid()}; }

TEST(FindUser, FindsRoot) {
  const auto user = find_user("root");
  ASSERT_TRUE(user.has_value());
  EXPECT_EQ(user->uid, 0u);
  EXPECT_EQ(user->name, "root");
}

TEST(FindUser, SaysThatAUserDoesNotExistAndHowToMakeIt) {
  const auto user = find_user("no-such-user-here");
  ASSERT_FALSE(user.has_value());
  EXPECT_EQ(user.error().side(), base::ErrorSide::kConfiguration);
  EXPECT_EQ(user.error().message(),
            "user \"no-such-user-here\" does not exist on this host; `adduser --system no-such-user-here` "
            "makes it");
}

TEST(IsPrivileged, FollowsTheKernelsSetting) {
  std::ifstream file("/proc/sys/net/ipv4/ip_unprivileged_port_start");
  unsigned start = 1024;
  file >> start;
  EXPECT_FALSE(is_privileged(0)) << "port 0 is any port";
  EXPECT_FALSE(is_privileged(65535));
  EXPECT_FALSE(is_privileged(static_cast<std::uint16_t>(start)));
  EXPECT_EQ(is_privileged(static_cast<std::uint16_t>(start - 1)), start > 1);
}

TEST(MayBind, AllowsEveryPortThatNeedsNoRight) {
  EXPECT_TRUE(may_bind(0));
  EXPECT_TRUE(may_bind(65535));
}

TEST(Become, WhoOneIsAlreadyChangesNothing) {
  EXPECT_TRUE(become(this_user(), {}).has_value());
  EXPECT_EQ(::geteuid(), this_user().uid);
}

// From now on this process may not change its rights, as under systemd's filter ~@privileged.
bool forbid_capset() {
  sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_capset, 0, 1),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{std::size(filter), filter};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool passes_on_to_bind() {
  return ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_BIND_SERVICE, 0, 0) == 1;
}

KeptRights only_to_bind() {
  KeptRights kept;
  kept.bind_service = true;
  return kept;
}

TEST(PassRightsOn, WhatIsInheritableAlreadyNeedsNoCallThatAFilterRefuses) {
  if (::geteuid() != 0) GTEST_SKIP() << test::kOnlyRoot;
  test::as_nobody(only_to_bind(), []() -> std::string {
    EXPECT_TRUE(pass_rights_on().has_value());
    EXPECT_TRUE(passes_on_to_bind());
    EXPECT_TRUE(forbid_capset());
    EXPECT_TRUE(pass_rights_on().has_value());
    // What a new process does, and what it then does for its own successor.
    keep_rights_to_oneself();
    EXPECT_TRUE(pass_rights_on().has_value());
    EXPECT_TRUE(passes_on_to_bind());
    return "";
  });
}

TEST(PassRightsOn, FailsWhereAFilterRefusesToMakeThemInheritable) {
  if (::geteuid() != 0) GTEST_SKIP() << test::kOnlyRoot;
  test::as_nobody(only_to_bind(), []() -> std::string {
    EXPECT_TRUE(forbid_capset());
    EXPECT_FALSE(pass_rights_on().has_value());
    EXPECT_FALSE(passes_on_to_bind());
    return "";
  });
}

// What the kernel says to a socket that wants to come from a foreign address.
int transparent_error(int family) {
  const base::UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int level = family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
  const int name = family == AF_INET6 ? IPV6_TRANSPARENT : IP_TRANSPARENT;
  const int on = 1;
  return ::setsockopt(fd.get(), level, name, &on, sizeof(on)) == 0 ? 0 : errno;
}

TEST(Become, KeepsTheRightToForeignAddressesOnlyWhenAsked) {
  if (::geteuid() != 0) GTEST_SKIP() << test::kOnlyRoot;
  if (!may_be_transparent()) GTEST_SKIP() << "NOT CHECKED: this root has no CAP_NET_RAW";
  KeptRights raw;
  raw.net_raw = true;
  KeptRights admin;
  admin.net_admin = true;
  for (const KeptRights kept : {raw, admin}) {
    test::as_nobody(kept, []() -> std::string {
      EXPECT_NE(::geteuid(), 0u);
      EXPECT_TRUE(may_be_transparent());
      EXPECT_EQ(transparent_error(AF_INET), 0);
      EXPECT_EQ(transparent_error(AF_INET6), 0);
      EXPECT_FALSE(may_change_user());
      return "";
    });
  }
  KeptRights bind;
  bind.bind_service = true;
  for (const KeptRights kept : {KeptRights{}, bind}) {
    test::as_nobody(kept, []() -> std::string {
      EXPECT_FALSE(may_be_transparent());
      EXPECT_EQ(transparent_error(AF_INET), EPERM);
      EXPECT_EQ(transparent_error(AF_INET6), EPERM);
      return "";
    });
  }
}

// CAP_NET_RAW opens packet sockets, CAP_NET_ADMIN sets up interfaces: neither comes with the other.
TEST(Become, KeepsNoMoreThanTheRightThatWasAsked) {
  if (::geteuid() != 0) GTEST_SKIP() << test::kOnlyRoot;
  if (!may_be_transparent()) GTEST_SKIP() << "NOT CHECKED: this root has no CAP_NET_RAW";
  const auto opens_raw = [] {
    return base::UniqueFd(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP));
  };
  KeptRights raw;
  raw.net_raw = true;
  test::as_nobody(raw, [&]() -> std::string {
    EXPECT_TRUE(opens_raw());
    EXPECT_FALSE(may_bind(1));
    return "";
  });
  KeptRights admin;
  admin.net_admin = true;
  test::as_nobody(admin, [&]() -> std::string {
    EXPECT_FALSE(opens_raw());
    return "";
  });
}

TEST(AccessAs, SaysWhatIsNotThere) {
  const test::TempFolder folder;
  EXPECT_EQ(access_as(this_user(), folder.file("no"), Access::kRead), ENOENT);
  EXPECT_EQ(access_as(this_user(), folder.path(), Access::kMakeFiles), 0);
}

TEST(AccessAs, AsksOnBehalfOfTheOtherUser) {
  const auto nobody = find_user("nobody");
  if (::geteuid() != 0 || !nobody) GTEST_SKIP() << "NOT CHECKED: only root can ask on behalf of another user";
  if (const auto why = test::why_no_other_user()) GTEST_SKIP() << "NOT CHECKED: " << *why;
  const test::TempFolder folder;
  std::ofstream(folder.file("f")) << "x";
  ASSERT_EQ(::chmod(folder.file("f").c_str(), 0600), 0);
  EXPECT_EQ(access_as(*nobody, folder.path(), Access::kMakeFiles), EACCES);
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  EXPECT_EQ(access_as(*nobody, folder.file("f"), Access::kRead), EACCES);
  EXPECT_EQ(access_as(*nobody, folder.path(), Access::kMakeFiles), EACCES) << "may enter, but make no file";
  ASSERT_EQ(::chmod(folder.file("f").c_str(), 0644), 0);
  EXPECT_EQ(access_as(*nobody, folder.file("f"), Access::kRead), 0);
  EXPECT_EQ(access_as(*nobody, folder.file("f"), Access::kWrite), EACCES);
  EXPECT_EQ(::geteuid(), 0u) << "this process stays who it is";
}

}  // namespace
}  // namespace weir::net
