#include "admin/http_server.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <mutex>
#include <thread>

#include "net/socket.h"
#include "server/descriptors.h"
#include "unit/support.h"

namespace weir::admin {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Says what it was asked.
void echo(HttpRequest&& request, const HttpReply& reply) {
  HttpResponse response;
  response.body = request.method + " " + request.path + "\n";
  if (!request.query.empty()) response.body += "query " + request.query + "\n";
  if (!request.body.empty()) response.body += "body " + request.body + "\n";
  if (request.path == "/405") {
    response.status = 405;
    response.headers.emplace_back("Allow", "GET, HEAD");
  }
  reply.send(std::move(response));
}

std::unique_ptr<HttpServer> open(const base::Address& address, base::Millis patience = test::kPatience) {
  auto server = HttpServer::open(address, echo, patience);
  EXPECT_TRUE(server.has_value()) << server.error().message();
  return std::move(*server);
}

// The whole answer to a request after which the server closes.
std::string ask(const base::Address& address, const std::string& request) {
  const base::UniqueFd client = test::connect_to(address);
  EXPECT_EQ(test::send_some(client.get(), request), request.size());
  return test::receive_all(client.get());
}

std::string get(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
}

class OverBoth : public testing::TestWithParam<bool> {
 protected:
  OverBoth() {
    server = open(GetParam() ? base::Address::unix_path(folder.file("admin.sock")) : test::loopback());
    EXPECT_TRUE(server->start());
  }
  test::TempFolder folder;
  std::unique_ptr<HttpServer> server;
};

TEST_P(OverBoth, LeavesItsSocketToAnotherServerWithWhoeverWaits) {
  const base::UniqueFd inside = test::connect_to(server->address());
  auto next = HttpServer::open(
      server->address(),
      [](HttpRequest&&, const HttpReply& reply) {
        reply.send({200, "text/plain", "next\n", {}});
      },
      test::kPatience, server->copy_socket());
  ASSERT_TRUE(next.has_value()) << next.error().message();
  ASSERT_TRUE((*next)->start());
  const std::string request = "GET /first HTTP/1.1\r\nHost: x\r\n\r\n";
  EXPECT_EQ(test::send_some(inside.get(), request), request.size());
  EXPECT_FALSE(test::receive(inside.get(), nullptr, 1).empty()) << "either of the two may have it";
  server->leave(true);
  // It closes its descriptor in the next turn, so what was accepted there until then is answered there.
  EXPECT_TRUE(test::eventually([&] { return ask((*next)->address(), get("/")).ends_with("next\n"); }));
  server.reset();
  for (int i = 0; i < 5; ++i) EXPECT_THAT(ask((*next)->address(), get("/")), testing::EndsWith("next\n"));
  if (GetParam()) {
    EXPECT_TRUE(std::filesystem::exists(folder.file("admin.sock")));
    (*next).reset();
    EXPECT_FALSE(std::filesystem::exists(folder.file("admin.sock")));
  }
}

TEST_P(OverBoth, ClosesOnWhoKeepsAConnectionOnceItHasLeft) {
  const base::UniqueFd client = test::connect_to(server->address());
  const std::string request = "GET /kept HTTP/1.1\r\nHost: x\r\n\r\n";
  EXPECT_EQ(test::send_some(client.get(), request), request.size());
  EXPECT_THAT(test::receive(client.get()), Not(HasSubstr("Connection: close")));
  server->leave(true);
  EXPECT_THAT(test::receive_all(client.get()), Not(HasSubstr("HTTP"))) << "the end, and no other answer";
}

TEST_P(OverBoth, AnswersWhoHasJustComeOnceItHasLeft) {
  const base::UniqueFd client = test::connect_to(server->address());
  EXPECT_THAT(ask(server->address(), get("/in_turn")), HasSubstr("200 OK")) << "so the one before is in, too";
  server->leave(true);
  const std::string request = "GET /first HTTP/1.1\r\nHost: x\r\n\r\n";
  EXPECT_EQ(test::send_some(client.get(), request), request.size());
  const std::string answer = test::receive_all(client.get());
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_TRUE(answer.ends_with("GET /first\n")) << answer;
}

TEST_P(OverBoth, AnswersWhoHasJustComeThoughItIsToStop) {
  const base::UniqueFd client = test::connect_to(server->address());
  EXPECT_THAT(ask(server->address(), get("/in_turn")), HasSubstr("200 OK")) << "so the one before is in, too";
  server->leave(true);
  std::thread stopping([&] { server->stop(); });
  EXPECT_FALSE(test::wait_for(client.get(), POLLIN, base::Millis(50))) << "it is not closed on";
  const std::string request = "GET /first HTTP/1.1\r\nHost: x\r\n\r\n";
  EXPECT_EQ(test::send_some(client.get(), request), request.size());
  EXPECT_TRUE(test::receive_all(client.get()).ends_with("GET /first\n"));
  stopping.join();
}

TEST_P(OverBoth, LeavesItsSocketToNobody) {
  const base::Address address = server->address();
  server->leave(false);
  EXPECT_TRUE(test::eventually([&] {
    const net::Connecting connecting = net::start_connect(address, {});
    if (connecting.error != EINPROGRESS)
      return connecting.error == ECONNREFUSED || connecting.error == ENOENT;
    return test::wait_for(connecting.fd.get(), POLLOUT) &&
           net::take_error(connecting.fd.get()) == ECONNREFUSED;
  }));
}

TEST_P(OverBoth, AnswersAGet) {
  const std::string answer = ask(server->address(), get("/metrics"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Type: text/plain; charset=utf-8\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nCache-Control: no-store\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nContent-Length: 13\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\nGET /metrics\n")) << answer;
}

TEST_P(OverBoth, SendsNoBodyToAHeadAndKeepsTheConnection) {
  const base::UniqueFd client = test::connect_to(server->address());
  test::send_some(client.get(), "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n" + get("/next"));
  const std::string answer = test::receive_all(client.get());
  const std::size_t end = answer.find("\r\n\r\n");
  ASSERT_NE(end, std::string::npos);
  EXPECT_THAT(answer.substr(end + 4), StartsWith("HTTP/1.1 200 OK\r\n")) << "the next answer follows at once";
  EXPECT_TRUE(answer.ends_with("GET /next\n"));
}

TEST_P(OverBoth, PassesOnWhatIsAllowed) {
  const std::string answer = ask(server->address(), get("/405"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nAllow: GET, HEAD\r\n"));
}

TEST_P(OverBoth, GivesTheHandlerPathAndQueryAsSent) {
  EXPECT_THAT(ask(server->address(), get("/a%20b%2fc?x=1&y=%41#z")),
              HasSubstr("\r\n\r\nGET /a%20b%2fc\nquery x=1&y=%41\n"));
}

TEST_P(OverBoth, GivesTheHandlerTheBody) {
  EXPECT_THAT(ask(server->address(),
                  "POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"),
              HasSubstr("\r\n\r\nPOST /x\nbody hello\n"));
}

TEST_P(OverBoth, GivesTheHandlerEveryUsualMethod) {
  for (const std::string method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS"}) {
    const std::string answer =
        ask(server->address(),
            method + " /x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(answer, HasSubstr("\r\n\r\n" + method + " /x\n"));
  }
}

TEST_P(OverBoth, RefusesGarbageAndServesTheNextClient) {
  for (const std::string& garbage :
       {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"), std::string("nonsense\r\n\r\n"),
        std::string("GET\r\n\r\n"), std::string("GET / HTTP/9.9\r\n\r\n"), std::string("\0\0\0\n\n", 5),
        std::string("GET / HTTP/1.1\r\nno colon here\r\n\r\n")}) {
    const base::UniqueFd client = test::connect_to(server->address());
    test::send_some(client.get(), garbage);
    ::shutdown(client.get(), SHUT_WR);  // some might be the beginning of a request
    EXPECT_THAT(test::receive_all(client.get()), Not(HasSubstr(" 200 "))) << garbage;
  }
  EXPECT_THAT(ask(server->address(), get("/x")), HasSubstr("GET /x\n"));
}

TEST_P(OverBoth, RefusesHeadersBeyondItsBound) {
  const base::UniqueFd client = test::connect_to(server->address());
  const std::string request = "GET /big HTTP/1.1\r\nX: " + std::string(20 * 1024, 'x') + "\r\n\r\n";
  test::send_some(client.get(), request);
  EXPECT_THAT(test::receive_all(client.get()), Not(HasSubstr("GET /big")));
  EXPECT_THAT(ask(server->address(), get("/x")), HasSubstr("GET /x\n"));
}

TEST_P(OverBoth, RefusesABodyBeyondItsBound) {
  const base::UniqueFd client = test::connect_to(server->address());
  test::send_some(client.get(), "POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
  EXPECT_THAT(test::receive(client.get()), Not(HasSubstr("POST /big")));
  EXPECT_THAT(ask(server->address(), get("/x")), HasSubstr("GET /x\n"));
}

TEST_P(OverBoth, StopsWhileClientsAreConnected) {
  const base::UniqueFd idle = test::connect_to(server->address());
  const base::UniqueFd half = test::connect_to(server->address());
  test::send_some(half.get(), "GET / HT");
  // This one has been seen to be served.
  const base::UniqueFd kept = test::connect_to(server->address());
  test::send_some(kept.get(), "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(test::receive(kept.get()), HasSubstr("200 OK"));
  server->stop();
  server->stop();
  server.reset();
  for (const auto* client : {&idle, &half, &kept}) EXPECT_EQ(test::receive_all(client->get()), "");
}

TEST_P(OverBoth, ManyClientsAreServedAtOnce) {
  std::vector<base::UniqueFd> clients;
  for (unsigned i = 0; i < server::kAdminClients; ++i) {
    clients.push_back(test::connect_to(server->address()));
    test::send_some(clients.back().get(), get("/" + std::to_string(i)).substr(0, 9));
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    test::send_some(clients[i].get(), get("/" + std::to_string(i)).substr(9));
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    EXPECT_THAT(test::receive_all(clients[i].get()), HasSubstr("\r\n\r\nGET /" + std::to_string(i) + "\n"));
  }
}

// Descriptors of this process, the clients' ends among them.
std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

TEST_P(OverBoth, IdleClientsNeverTakeMoreThanTheirPlacesAndTheNewestIsServed) {
  const std::size_t before = open_descriptors();
  std::vector<base::UniqueFd> idle;
  for (unsigned i = 0; i < 10 * server::kAdminClients; ++i) {
    idle.push_back(test::connect_to(server->address()));
    if (i % 3 == 0) test::send_some(idle.back().get(), "GET /");
    if (i % 16 == 0) {
      EXPECT_THAT(ask(server->address(), get("/x")), HasSubstr("GET /x\n"));
    }
  }
  EXPECT_THAT(ask(server->address(), get("/x")), HasSubstr("GET /x\n"));
  // The first had to leave.
  for (unsigned i = 0; i < 9 * server::kAdminClients; ++i) EXPECT_EQ(test::receive_all(idle[i].get()), "");
  EXPECT_LE(open_descriptors(), before + idle.size() + server::kAdminClients + 1);
  idle.clear();
  ASSERT_TRUE(test::eventually([&] { return open_descriptors() <= before; })) << open_descriptors() << before;
}

TEST_P(OverBoth, APlaceIsFreeAgainWhenItsClientHasLeft) {
  const base::UniqueFd kept = test::connect_to(server->address());
  test::send_some(kept.get(), "GET /kept HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(test::receive(kept.get()), HasSubstr("GET /kept\n"));
  for (unsigned i = 0; i < 5 * server::kAdminClients; ++i) {
    EXPECT_THAT(ask(server->address(), get("/x")), HasSubstr("GET /x\n"));
  }
  test::send_some(kept.get(), get("/still"));
  EXPECT_THAT(test::receive_all(kept.get()), HasSubstr("GET /still\n")) << "it never had to leave";
}

TEST_P(OverBoth, ServesWhoCameWhileThereWasNoDescriptorForHim) {
  const base::UniqueFd client(::socket(server->address().family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_TRUE(client);
  std::vector<base::UniqueFd> all;
  for (;;) {
    base::UniqueFd one(::fcntl(client.get(), F_DUPFD_CLOEXEC, 0));
    if (!one) break;
    all.push_back(std::move(one));
  }
  ASSERT_EQ(errno, EMFILE);
  sockaddr_storage to{};
  const socklen_t size = server->address().to_sockaddr(to);
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&to), size), 0);
  EXPECT_EQ(test::send_some(client.get(), get("/x")), get("/x").size());
  EXPECT_FALSE(test::wait_for(client.get(), POLLIN, base::Millis(250))) << "it has had two rests by then";
  all.clear();
  EXPECT_TRUE(test::receive_all(client.get()).ends_with("GET /x\n"));
}

INSTANTIATE_TEST_SUITE_P(HttpServer, OverBoth, testing::Bool(),
                         [](const auto& parameter) { return parameter.param ? "Unix" : "Tcp"; });

TEST(HttpServer, ClosesOnAClientThatIsTooSlowAndServesOthersMeanwhile) {
  const auto server = open(test::loopback(), base::Millis(300));
  EXPECT_TRUE(server->start());
  const base::UniqueFd slow = test::connect_to(server->address());
  test::send_some(slow.get(), "GET / HT");
  EXPECT_THAT(ask(server->address(), get("/x")), HasSubstr("GET /x\n"));
  const base::TimePoint begun = base::precise_now();
  EXPECT_EQ(test::receive_all(slow.get()), "");
  EXPECT_LE(base::precise_now() - begun, base::Millis(10'000));
}

TEST(HttpServer, ClosesOnAClientThatSendsAByteNowAndThen) {
  const auto server = open(test::loopback(), base::Millis(300));
  EXPECT_TRUE(server->start());
  const base::UniqueFd slow = test::connect_to(server->address());
  // Each byte comes well within its patience, but the whole never comes.
  const std::string request = "GET / HTTP/1.1\r\nX: ";
  std::size_t sent = 0;
  const bool closed = test::eventually([&] {
    const std::string byte(1, sent < request.size() ? request[sent] : 'x');
    const ssize_t result = ::send(slow.get(), byte.data(), 1, MSG_NOSIGNAL);
    if (result == 1) ++sent;
    return result < 0;
  });
  EXPECT_TRUE(closed) << sent;
}

// Answers with more than sockets and their windows hold.
class LongAnswers : public testing::Test {
 protected:
  static constexpr std::size_t kSize = std::size_t{8} << 20;

  void start(base::Millis patience) {
    auto opened = HttpServer::open(
        test::loopback(),
        [this](HttpRequest&& request, const HttpReply& reply) {
          if (request.path == "/now") return reply.send({200, "text/plain", "now\n", {}});
          reply.send({200, "text/plain", std::string(kSize, 'x'), {}});
          ++answered;
        },
        patience);
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    server = std::move(*opened);
    ASSERT_TRUE(server->start());
  }
  // One that has been answered, and reads nothing of it.
  base::UniqueFd ask_and_read_nothing() {
    const unsigned before = answered;
    base::UniqueFd client = test::connect_to(server->address());
    test::send_some(client.get(), get("/long"));
    EXPECT_TRUE(test::eventually([&] { return answered > before; }));
    return client;
  }

  std::atomic<unsigned> answered{0};
  std::unique_ptr<HttpServer> server;
};

TEST_F(LongAnswers, WhoNeverReadsOneIsClosedOnAndOthersAreServedMeanwhile) {
  start(base::Millis(500));
  const std::size_t before = open_descriptors();
  const base::UniqueFd client = ask_and_read_nothing();
  EXPECT_THAT(ask(server->address(), get("/now")), HasSubstr("now\n"));
  EXPECT_TRUE(test::eventually([&] { return open_descriptors() == before + 1; })) << "it is still served";
  EXPECT_LT(test::receive_all(client.get()).size(), kSize) << "it could be written without being read";
}

// Each piece that it takes comes within the patience; the whole would take longer.
TEST_F(LongAnswers, WhoReadsOneVerySlowlyIsClosedOn) {
  start(base::Millis(500));
  const std::size_t before = open_descriptors();
  const base::UniqueFd client = ask_and_read_nothing();
  std::size_t taken = 0;
  EXPECT_TRUE(test::eventually([&] {
    taken += test::receive(client.get(), nullptr, 1024).size();
    return open_descriptors() == before + 1;
  })) << taken;
  EXPECT_LT(taken + test::receive_all(client.get()).size(), kSize);
}

TEST_F(LongAnswers, AsManyAsThereArePlacesShutNobodyOutWhoNeverReadThem) {
  start(test::kPatience * 10);
  std::vector<base::UniqueFd> clients;
  for (unsigned i = 0; i < 2 * server::kAdminClients; ++i) {
    clients.push_back(ask_and_read_nothing());
    EXPECT_THAT(ask(server->address(), get("/now")), HasSubstr("now\n")) << i;
  }
}

// Keeps what it is asked, to be answered by somebody else.
struct Kept {
  void operator()(HttpRequest&& request, HttpReply reply) {
    if (request.path == "/now") return reply.send({200, "text/plain", "now\n", {}});
    const std::lock_guard lock(mutex);
    replies.push_back(std::move(reply));
  }
  std::size_t size() {
    const std::lock_guard lock(mutex);
    return replies.size();
  }
  HttpReply take() {
    const std::lock_guard lock(mutex);
    HttpReply reply = std::move(replies.front());
    replies.erase(replies.begin());
    return reply;
  }
  std::mutex mutex;
  std::vector<HttpReply> replies;
};

class AnsweredLater : public testing::Test {
 protected:
  AnsweredLater() {
    auto opened = HttpServer::open(
        test::loopback(),
        [this](HttpRequest&& request, HttpReply reply) { kept(std::move(request), std::move(reply)); },
        base::Millis(300));
    EXPECT_TRUE(opened.has_value());
    server = std::move(*opened);
    EXPECT_TRUE(server->start());
  }
  base::UniqueFd ask_later() {
    const std::size_t before = kept.size();
    base::UniqueFd client = test::connect_to(server->address());
    test::send_some(client.get(), get("/later"));
    EXPECT_TRUE(test::eventually([&] { return kept.size() > before; }));
    return client;
  }
  Kept kept;
  std::unique_ptr<HttpServer> server;
};

TEST_F(AnsweredLater, IsServedFromAnotherThreadHoweverLongItTakes) {
  const base::UniqueFd client = ask_later();
  // Others are served meanwhile, and the patience for sending a request does not end the wait.
  const base::TimePoint begun = base::precise_now();
  while (base::precise_now() - begun < base::Millis(900)) {
    EXPECT_THAT(ask(server->address(), get("/now")), HasSubstr("now\n"));
  }
  kept.take().send({202, "text/plain", "late\n", {}});
  const std::string answer = test::receive_all(client.get());
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 202 Accepted\r\n"));
  EXPECT_TRUE(answer.ends_with("late\n"));
}

TEST_F(AnsweredLater, IsNotPushedOutByAFloodOfClients) {
  const base::UniqueFd client = ask_later();
  std::vector<base::UniqueFd> flood;
  for (unsigned i = 0; i < 5 * server::kAdminClients; ++i)
    flood.push_back(test::connect_to(server->address()));
  EXPECT_THAT(ask(server->address(), get("/now")), HasSubstr("now\n"));
  kept.take().send({200, "text/plain", "late\n", {}});
  EXPECT_THAT(test::receive_all(client.get()), HasSubstr("late\n"));
}

TEST_F(AnsweredLater, IsTheLastOnItsConnectionWhenTheServerHasLeftMeanwhile) {
  const base::UniqueFd client = test::connect_to(server->address());
  test::send_some(client.get(), "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(test::eventually([&] { return kept.size() == 1; }));
  server->leave(false);
  kept.take().send({200, "text/plain", "late\n", {}});
  const std::string answer = test::receive_all(client.get());
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_TRUE(answer.ends_with("late\n")) << answer;
}

TEST_F(AnsweredLater, NobodyIsTheWorseWhenTheClientHasLeft) {
  for (int i = 0; i < 3; ++i) {
    base::UniqueFd client = ask_later();
    client.reset();
  }
  for (int i = 0; i < 2; ++i) kept.take().send({200, "text/plain", "late\n", {}});
  EXPECT_THAT(ask(server->address(), get("/now")), HasSubstr("now\n"));
  server.reset();
  kept.take().send({200, "text/plain", "too late\n", {}});
}

TEST_F(AnsweredLater, WhoHadToLeaveForTheNewestIsForgottenByItsAnswer) {
  std::vector<base::UniqueFd> clients;
  for (unsigned i = 0; i < server::kAdminClients + 2; ++i) clients.push_back(ask_later());
  EXPECT_EQ(test::receive_all(clients.front().get()), "");
  while (kept.size() > 0) kept.take().send({200, "text/plain", "late\n", {}});
  EXPECT_THAT(test::receive_all(clients.back().get()), HasSubstr("late\n"));
}

TEST_F(AnsweredLater, OneThatIsForgottenIsToldSo) {
  const base::UniqueFd client = ask_later();
  { const HttpReply forgotten = kept.take(); }
  EXPECT_THAT(test::receive_all(client.get()), StartsWith("HTTP/1.1 500 "));
}

TEST_F(AnsweredLater, TheEndOfTheServerIsNoHang) {
  const base::UniqueFd client = ask_later();
  server.reset();
  EXPECT_THAT(test::receive_all(client.get()), StartsWith("HTTP/1.1 503 "));
}

TEST(HttpServer, GivesItsUnixSocketAModeAndTakesItAway) {
  const test::TempFolder folder;
  const auto address = base::Address::unix_path(folder.file("admin.sock"));
  {
    const auto server = open(address);
    struct stat status {};
    ASSERT_EQ(::stat(address.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0660u);
  }
  EXPECT_FALSE(std::filesystem::exists(address.path()));
}

TEST(HttpServer, LeavesAPathThatAnotherHasMadeAnew) {
  const test::TempFolder folder;
  const auto address = base::Address::unix_path(folder.file("admin.sock"));
  auto old = open(address);
  std::filesystem::rename(address.path(), folder.file("old"));
  const auto fresh = open(address);
  old.reset();
  EXPECT_TRUE(std::filesystem::exists(address.path()));
}

TEST(HttpServer, SaysThatItsAddressIsTaken) {
  const auto first = open(test::loopback());
  const auto second = HttpServer::open(first->address(), echo);
  ASSERT_FALSE(second.has_value());
  EXPECT_THAT(second.error().message(), StartsWith("admin door: bind " + first->address().to_string()));
}

TEST(HttpServer, EndsWithoutHavingStarted) { open(test::loopback())->stop(); }

}  // namespace
}  // namespace weir::admin
