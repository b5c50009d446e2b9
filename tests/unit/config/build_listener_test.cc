#include "config/build_listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/limits.h"
#include "unit/config/support.h"

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct Built {
  ListenerConfig listener;
  Problems problems;
};

// [listeners.web] with these lines.
Built built(const std::string& lines) {
  const Node root = tree_of("[listeners.web]\n" + lines);
  Built out;
  out.listener = build_listener(root.entries.at(0).value.entries.at(0), out.problems);
  return out;
}

const std::string kRequired = "bind = \"127.0.0.1:80\"\npool = \"app\"\n";

TEST(BuildListener, TheTablesKeyIsItsNameAndItsPlace) {
  const Built web = built(kRequired);
  EXPECT_THAT(web.problems, IsEmpty());
  EXPECT_EQ(web.listener.name, "web");
  EXPECT_EQ(to_string(web.listener.place), "t:1:12");
  EXPECT_EQ(to_string(web.listener.pool.place), "t:3:8");
}

TEST(BuildListener, EveryWrongValueIsReportedAndLeavesTheDefault) {
  const Built web = built(
      "bind = 80\nv6only = 1\nsocket_mode = 660\npool = \"a b\"\nbacklog = -1\nidle_timeout = 10\n"
      "half_close_timeout = \"1\"\nmax_lifetime = \"never\"\nkeepalive = \"500ms\"\nuser_timeout = false\n"
      "reset_linger = \"2h\"\n");
  EXPECT_THAT(web.problems, SizeIs(11));
  const ListenerConfig model;
  EXPECT_THAT(web.listener.bind, IsEmpty());
  EXPECT_EQ(web.listener.pool.value, "");
  EXPECT_EQ(web.listener.v6only, model.v6only);
  EXPECT_EQ(web.listener.socket_mode, model.socket_mode);
  EXPECT_EQ(web.listener.backlog.value, model.backlog.value);
  EXPECT_EQ(web.listener.idle_timeout, model.idle_timeout);
  EXPECT_EQ(web.listener.half_close_timeout, model.half_close_timeout);
  EXPECT_EQ(web.listener.max_lifetime, model.max_lifetime);
  EXPECT_EQ(web.listener.keepalive, model.keepalive);
  EXPECT_EQ(web.listener.user_timeout, model.user_timeout);
  EXPECT_EQ(web.listener.reset_linger, model.reset_linger);
}

TEST(BuildListener, AnEmptyTableLacksItsAddressAndItsPoolAndNothingElse) {
  const Built web = built("");
  EXPECT_THAT(lines_of(web.problems),
              ElementsAre(HasSubstr("t:1:12: error: listeners.web.bind: this key is missing"),
                          HasSubstr("t:1:12: error: listeners.web.pool: this key is missing")));
}

TEST(BuildListener, ABadAddressInAListLeavesTheOthers) {
  const Built web = built("bind = [\"127.0.0.1:1\", \"nonsense\", \"127.0.0.1:3\"]\npool = \"app\"\n");
  EXPECT_THAT(lines_of(web.problems), ElementsAre(HasSubstr("t:2:24: error: listeners.web.bind: ")));
  ASSERT_THAT(web.listener.bind, SizeIs(2));
  EXPECT_EQ(web.listener.bind[0].value.port(), 1);
  EXPECT_EQ(web.listener.bind[1].value.port(), 3);
  EXPECT_EQ(to_string(web.listener.bind[1].place), "t:2:36");
}

TEST(BuildListener, AllPortsOfARangeStandWhereTheRangeIsWritten) {
  const Built web = built("bind = \"127.0.0.1:8000-8002\"\npool = \"app\"\n");
  ASSERT_THAT(web.listener.bind, SizeIs(3));
  for (const auto& address : web.listener.bind) EXPECT_EQ(to_string(address.place), "t:2:8");
}

TEST(BuildListener, RangesTogetherMayFillTheLimitOfAddresses) {
  const std::string full = "0.0.0.0:1-" + std::to_string(kMaxBindAddresses - 1);
  const Built web = built("bind = [\"" + full + "\", \"127.0.0.1:0\"]\npool = \"app\"\n");
  EXPECT_THAT(web.problems, IsEmpty());
  EXPECT_THAT(web.listener.bind, SizeIs(kMaxBindAddresses));
}

TEST(BuildListener, WhatDoesNotFitTheLimitIsLeftOutWhole) {
  const std::string full = "0.0.0.0:1-" + std::to_string(kMaxBindAddresses - 1);
  const Built web = built("bind = [\"" + full + "\", \"[::]:1-2\", \"127.0.0.1:0\"]\npool = \"app\"\n");
  EXPECT_THAT(web.problems, SizeIs(1));
  ASSERT_THAT(web.listener.bind, SizeIs(kMaxBindAddresses));
  EXPECT_EQ(web.listener.bind.back().value.to_string(), "127.0.0.1:0");
}

TEST(BuildListener, AValueWhoseProblemIsKnownIsPassedOverInSilence) {
  Node root = tree_of("[listeners.web]\nbind = [\"127.0.0.1:1\", \"x\"]\npool = \"x\"\nbacklog = \"x\"\n");
  Entry& web = root.entries.at(0).value.entries.at(0);
  web.value.find("bind")->value.items.at(1).kind = Kind::kFaulty;
  web.value.find("pool")->value.kind = Kind::kFaulty;
  web.value.find("backlog")->value.kind = Kind::kFaulty;
  Problems problems;
  const ListenerConfig listener = build_listener(web, problems);
  EXPECT_THAT(lines_of(problems), IsEmpty());
  EXPECT_THAT(listener.bind, SizeIs(1));
}

}  // namespace
}  // namespace weir::config
