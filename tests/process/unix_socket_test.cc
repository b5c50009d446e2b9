// Unix sockets as listener, as backend and as the admin door.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "support/backend.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

unsigned mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 0777;
}

struct Paths {
  TemporaryDirectory directory;
  std::string web = directory.file("web.sock");
  std::string app = directory.file("app.sock");
  std::string admin = directory.file("admin.sock");
};

Configuration configuration_for(const Paths& paths) {
  Configuration configuration;
  configuration.workers = 2;
  configuration.bind = "unix:" + paths.web;
  configuration.admin = "unix:" + paths.admin;
  configuration.listener = "socket_mode = \"0604\"\n";
  configuration.backends = {"\"unix:" + paths.app + "\""};
  return configuration;
}

TEST(UnixSocket, AListenerAndABackendOnPathsServeAndThePathsAreRemovedAtTheEnd) {
  const Paths paths;
  const std::string answer = pattern(200'000);
  Backend backend(address_of("unix:" + paths.app), answers_after_end(answer));
  WeirProcess weir(configuration_for(paths));
  EXPECT_EQ(mode_of(paths.web), 0604u);
  EXPECT_EQ(mode_of(paths.admin), 0660u);
  EXPECT_EQ(weir.admin().get("/ready").status, 200);
  for (int i = 0; i < 10; ++i) {
    Socket client = weir.connect();
    client.send_all("request");
    client.end_stream();
    const Received received = client.receive_until_end();
    EXPECT_TRUE(received.bytes == answer) << received.bytes.size() << " bytes";
    EXPECT_EQ(received.ended, Ended::kEndOfStream);
  }
  for (const LogLine& session : weir.wait_for_sessions(10)) {
    EXPECT_EQ(session.text("client"), "unix");
    EXPECT_EQ(session.text("address"), "unix:" + paths.app);
    EXPECT_EQ(session.text("reason"), "client_end");
  }
  EXPECT_EQ(weir.stop(), kClean);
  EXPECT_FALSE(std::filesystem::exists(paths.web));
  EXPECT_FALSE(std::filesystem::exists(paths.admin));
  EXPECT_TRUE(std::filesystem::exists(paths.app)) << "the backend's own";
}

TEST(UnixSocket, AListenerDoesNotRemoveThePathOfAnotherThatTookItsPlace) {
  const Paths paths;
  Backend backend(address_of("unix:" + paths.app), echo());
  WeirProcess weir(configuration_for(paths));
  std::filesystem::remove(paths.web);
  const Listener successor(address_of("unix:" + paths.web));
  EXPECT_EQ(weir.stop(), kClean);
  EXPECT_TRUE(std::filesystem::exists(paths.web));
}

TEST(UnixSocket, ABackendWhosePathIsNotThereIsRefusedAndTheNextIsTried) {
  const Paths paths;
  Backend backend(address_of("unix:" + paths.app), names_itself("backend"));
  Configuration configuration = configuration_for(paths);
  configuration.backends.push_back("\"unix:" + paths.directory.file("missing.sock") + "\"");
  const WeirProcess weir(configuration);
  std::size_t attempts = 0;
  for (int i = 0; i < 2; ++i) {
    Socket client = weir.connect();
    client.send_all("?");
    EXPECT_EQ(client.receive_exactly(7), "backend");
  }
  for (const LogLine& session : weir.wait_for_sessions(2)) attempts += session.number("attempts");
  EXPECT_EQ(attempts, 3u);
}

TEST(UnixSocket, ABackendWithAFullBacklogIsRefusedNotWaitedFor) {
  const Paths paths;
  Listener full(address_of("unix:" + paths.app), 0);
  Socket filler = Socket::connect(full.address());
  const WeirProcess weir(configuration_for(paths));
  Socket client = weir.connect();
  client.receive_until_end();
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "connect_refused");
  EXPECT_EQ(session.text("connect_error"), "EAGAIN");
}

TEST(UnixSocket, AResetThatCannotBeShownByTheSocketLeavesNoSessionBehind) {
  const Paths paths;
  Backend backend(address_of("unix:" + paths.app), [](Socket& socket) {
    socket.receive_exactly(1);
    socket.send_all("part");
    // Closing with unread input is what a unix socket knows as a reset.
    if (!eventually([&] { return socket.readable_now(); })) throw SocketError("no further input", 0);
  });
  const WeirProcess weir(configuration_for(paths));
  Socket client = weir.connect();
  client.send_all("request");
  const Received received = client.receive_until_end();
  EXPECT_EQ(received.bytes, "part");
  weir.wait_for_session();
  EXPECT_TRUE(eventually([&] { return weir.admin().sum("weir_process_connections") == 0; }));
}

}  // namespace
}  // namespace weir::test
