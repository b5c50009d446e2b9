#include "net/dns_channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "support/dns_server.h"
#include "unit/support.h"
#include "wire/dns_answer.h"

namespace weir::net {
namespace {

using base::Millis;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using wire::DnsType;
using Mood = test::DnsServer::Mood;

// A port of loopback on which nobody answers: bound for both protocols, never read.
class DeadServer {
 public:
  explicit DeadServer(const base::Address& at = test::loopback()) {
    sockaddr_storage storage{};
    socklen_t length = at.to_sockaddr(storage);
    fd_ = base::UniqueFd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&storage), length), 0);
    length = sizeof(storage);
    EXPECT_EQ(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&storage), &length), 0);
    address_ = base::Address::from_sockaddr(storage, length);
  }
  const base::Address& address() const { return address_; }
  void close() { fd_.reset(); }

 private:
  base::UniqueFd fd_;
  base::Address address_;
};

class DnsChannelTest : public ::testing::Test {
 protected:
  void open(DnsChannelOptions options) {
    auto made = DnsChannel::create(*loop_, std::move(options));
    ASSERT_TRUE(made.has_value()) << made.error().message();
    channel_ = *std::move(made);
  }
  void open(std::vector<base::Address> servers, Millis attempt = Millis(200)) {
    DnsChannelOptions options;
    options.servers = std::move(servers);
    options.attempt_timeout = attempt;
    open(std::move(options));
  }

  // The addresses, or the words of the error.
  static std::string text_of(const base::Result<std::string>& reply) {
    if (!reply) return reply.error().message();
    const auto answer = wire::parse_dns_answer(*reply);
    if (!answer) return answer.error().message();
    std::string text = answer->rcode == 0 ? "" : "rcode " + std::to_string(answer->rcode);
    for (const auto& address : answer->addresses)
      text += (text.empty() ? "" : " ") + address.address.ip_to_string();
    return text;
  }

  std::string ask(const std::string& name, DnsType type = DnsType::kA) {
    std::optional<std::string> told;
    const DnsQuestion question =
        channel_->query(name, type, [&](const base::Result<std::string>& reply) { told = text_of(reply); });
    EXPECT_FALSE(told.has_value()) << "called before query returned";
    EXPECT_TRUE(driver_.until([&] { return told.has_value(); }));
    return told.value_or("nothing came");
  }

  std::unique_ptr<EventLoop> loop_ = test::make_loop();
  test::Driver driver_{*loop_};
  test::DnsServer server_;
  std::unique_ptr<DnsChannel> channel_;
};

TEST_F(DnsChannelTest, GivesTheWholeMessage) {
  server_.set_addresses("app.test", 60, {"127.0.0.1", "127.0.0.2", "::1"});
  open({server_.address()});
  EXPECT_EQ(ask("app.test"), "127.0.0.1 127.0.0.2");
  EXPECT_EQ(ask("App.test.", DnsType::kAaaa), "::1");
  EXPECT_EQ(channel_->questions_out(), 0u);
}

TEST_F(DnsChannelTest, ANameThatDoesNotExistIsAnAnswer) {
  server_.set_addresses("app.test", 60, {"127.0.0.1"});
  open({server_.address()});
  EXPECT_EQ(ask("no.test"), "rcode 3");
  EXPECT_EQ(ask("app.test", DnsType::kSrv), "") << "no data, but the name is there";
}

TEST_F(DnsChannelTest, ARefusalIsTold) {
  test::DnsServer::Answer answer;
  answer.rcode = test::kDnsServFail;
  server_.set("bad.test", test::kDnsA, answer);
  answer.rcode = test::kDnsRefused;
  server_.set("closed.test", test::kDnsA, answer);
  open({server_.address()});
  EXPECT_EQ(ask("bad.test"), "the name server failed (SERVFAIL)");
  EXPECT_EQ(ask("closed.test"), "the name server refuses the question (REFUSED)");
}

TEST_F(DnsChannelTest, ASilentServerIsGivenUpInTime) {
  test::DnsServer::Answer answer;
  answer.mood = Mood::kSilent;
  server_.set("app.test", test::kDnsA, answer);
  DnsChannelOptions options;
  options.servers = {server_.address()};
  options.attempt_timeout = Millis(50);
  options.query_timeout = Millis(250);
  open(options);
  EXPECT_EQ(ask("app.test"), "no name server answered in 250ms");
  EXPECT_GE(server_.questions("app.test", test::kDnsA), 2u) << "asked only once";
}

TEST_F(DnsChannelTest, ASilentFirstServerCostsOneAttempt) {
  const DeadServer silent;
  server_.set_addresses("app.test", 60, {"127.0.0.1"});
  open({silent.address(), server_.address()}, Millis(100));
  EXPECT_EQ(ask("app.test"), "127.0.0.1");
}

TEST_F(DnsChannelTest, AFirstServerThatFailsIsPassedOver) {
  test::DnsServer failing;
  auto answer = std::make_unique<test::DnsServer::Answer>();
  answer->rcode = test::kDnsServFail;
  failing.set_all(std::move(answer));
  server_.set_addresses("app.test", 60, {"127.0.0.1"});
  open({failing.address(), server_.address()}, Millis(60'000));
  EXPECT_EQ(ask("app.test"), "127.0.0.1");
}

TEST_F(DnsChannelTest, AServerThatIsNotThereIsToldAtOnce) {
  DeadServer gone;
  gone.close();
  open({gone.address()}, Millis(60'000));
  EXPECT_EQ(ask("app.test"), "no name server can be reached");
}

TEST_F(DnsChannelTest, TakesTheRestOfATruncatedAnswerByTcp) {
  test::DnsServer::Answer answer;
  for (int i = 1; i <= 200; ++i)
    answer.records.push_back(test::a_record("app.test", 60, "127.0.1." + std::to_string(i)));
  answer.mood = Mood::kTruncates;
  server_.set("app.test", test::kDnsA, answer);
  open({server_.address()});
  const std::string told = ask("app.test");
  EXPECT_EQ(std::count(told.begin(), told.end(), ' '), 199) << told;
  EXPECT_EQ(server_.tcp_questions(), 1u);
}

TEST_F(DnsChannelTest, DoesNotListenToNoise) {
  test::DnsServer::Answer answer;
  answer.records = {test::a_record("app.test", 60, "127.0.0.1")};
  answer.mood = Mood::kNoisy;
  server_.set("app.test", test::kDnsA, answer);
  open({server_.address()});
  EXPECT_EQ(ask("app.test"), "127.0.0.1");
  answer.mood = Mood::kOnlyNoise;
  server_.set("loud.test", test::kDnsA, answer);
  DnsChannelOptions options;
  options.servers = {server_.address()};
  options.query_timeout = Millis(250);
  open(options);
  EXPECT_EQ(ask("loud.test"), "no name server answered in 250ms");
}

TEST_F(DnsChannelTest, ANameThatCannotBeAskedForIsAnError) {
  open({server_.address()});
  EXPECT_EQ(ask("a..b.test"), "it is no name that can be asked for");
  EXPECT_EQ(ask(std::string(64, 'x') + ".test"), "it is no name that can be asked for");
  EXPECT_EQ(server_.questions(), 0u);
}

TEST_F(DnsChannelTest, ADroppedQuestionIsNotAnswered) {
  server_.set_addresses("app.test", 60, {"127.0.0.1"});
  test::DnsServer::Answer late;
  late.delay = Millis(50);
  server_.set_both("late.test", late);
  open({server_.address()}, Millis(5'000));
  int calls = 0;
  DnsQuestion dropped = channel_->query("late.test", DnsType::kA, [&](const auto&) { ++calls; });
  ASSERT_TRUE(driver_.until([&] { return server_.questions("late.test", test::kDnsA) == 1; }));
  dropped.drop();
  const base::TimePoint past_it = base::precise_now() + Millis(60);
  ASSERT_TRUE(driver_.until([&] { return base::precise_now() >= past_it; }));
  EXPECT_EQ(ask("app.test"), "127.0.0.1");
  EXPECT_EQ(calls, 0);
}

TEST_F(DnsChannelTest, ADroppedQuestionIsNotAnsweredThoughItsReplyIsThere) {
  server_.set_addresses("app.test", 60, {"127.0.0.1"});
  open({server_.address()});
  int calls = 0;
  DnsQuestion first;
  DnsQuestion second;
  // Both names are no names, so both replies are delivered in one turn; whichever is first drops the other.
  first = channel_->query("a..b", DnsType::kA, [&](const auto&) { ++calls, second.drop(); });
  second = channel_->query("a..b", DnsType::kA, [&](const auto&) { ++calls, first.drop(); });
  EXPECT_EQ(ask("app.test"), "127.0.0.1");
  EXPECT_EQ(calls, 1);
}

TEST_F(DnsChannelTest, MayGoWhileQuestionsAreOut) {
  const DeadServer silent;
  open({silent.address()});
  int calls = 0;
  std::vector<DnsQuestion> questions;
  for (int i = 0; i < 100; ++i)
    questions.push_back(channel_->query("app.test", DnsType::kA, [&](const auto&) { ++calls; }));
  driver_.turns(3);
  EXPECT_EQ(channel_->questions_out(), 64u);
  EXPECT_EQ(channel_->questions_waiting(), 36u);
  channel_.reset();
  driver_.turns(3);
  questions.clear();
  EXPECT_EQ(calls, 0);
}

TEST_F(DnsChannelTest, HasNoMoreQuestionsOutThanItMay) {
  test::DnsServer::Answer slow;
  slow.records = {test::a_record("app.test", 60, "127.0.0.1")};
  slow.delay = Millis(20);
  server_.set("app.test", test::kDnsA, slow);
  DnsChannelOptions options;
  options.servers = {server_.address()};
  options.max_questions = 3;
  open(options);
  std::vector<DnsQuestion> questions;
  std::vector<int> order;
  std::size_t most = 0;
  for (int i = 0; i < 10; ++i) {
    questions.push_back(channel_->query("app.test", DnsType::kA, [&, i](const auto& reply) {
      EXPECT_EQ(text_of(reply), "127.0.0.1");
      order.push_back(i);
    }));
  }
  EXPECT_TRUE(driver_.until([&] {
    most = std::max(most, channel_->questions_out());
    return order.size() == 10;
  }));
  EXPECT_EQ(most, 3u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.begin() + 3));
}

TEST_F(DnsChannelTest, DroppingMakesRoomForThoseThatWait) {
  const DeadServer silent;
  server_.set_addresses("app.test", 60, {"127.0.0.1"});
  DnsChannelOptions options;
  options.servers = {silent.address(), server_.address()};
  options.attempt_timeout = Millis(50);
  options.max_questions = 1;
  open(options);
  DnsQuestion first = channel_->query("no.test", DnsType::kA, [](const auto&) {});
  bool told = false;
  const DnsQuestion second = channel_->query("app.test", DnsType::kA, [&](const auto&) { told = true; });
  EXPECT_EQ(channel_->questions_waiting(), 1u);
  first.drop();
  EXPECT_TRUE(driver_.until([&] { return told; }));
}

// The library keeps on asking for what was dropped, of a server that is silent.
TEST_F(DnsChannelTest, QuestionsThatAreDroppedAreBoundedToo) {
  test::DnsServer::Answer silent;
  silent.mood = Mood::kSilent;
  for (const char* name : {"0.test", "1.test", "2.test", "3.test"}) {
    server_.set(name, test::kDnsA, silent);
  }
  server_.set_addresses("app.test", 60, {"127.0.0.1"});
  DnsChannelOptions options;
  options.servers = {server_.address()};
  options.attempt_timeout = Millis(50);
  options.max_questions = 1;
  open(options);
  for (const char* name : {"0.test", "1.test", "2.test", "3.test"}) {
    DnsQuestion dropped = channel_->query(name, DnsType::kA, [](const auto&) {});
    EXPECT_EQ(channel_->questions_waiting(), 0u) << name;
    dropped.drop();
  }
  bool told = false;
  const DnsQuestion last = channel_->query("app.test", DnsType::kA, [&](const auto& reply) {
    EXPECT_EQ(text_of(reply), "127.0.0.1");
    told = true;
  });
  EXPECT_EQ(channel_->questions_waiting(), 1u);
  EXPECT_TRUE(driver_.until([&] { return told; })) << "once one of them was given up";
}

TEST_F(DnsChannelTest, ACallbackMayAskAgain) {
  server_.set_addresses("app.test", 60, {"127.0.0.1"});
  open({server_.address()});
  int calls = 0;
  DnsQuestion question;
  std::function<void()> again = [&] {
    question = channel_->query("app.test", DnsType::kA, [&](const auto&) {
      if (++calls < 5) again();
    });
  };
  again();
  EXPECT_TRUE(driver_.until([&] { return calls == 5; }));
}

TEST_F(DnsChannelTest, WithServersOfItsOwnANameStandsForItself) {
  open({server_.address()});
  EXPECT_THAT(channel_->search_names("app"), ElementsAre("app"));
}

class ResolvConfTest : public DnsChannelTest {
 protected:
  // Renamed into place, as tools do it.
  void write(const std::string& text) {
    std::ofstream(folder_.file("new")) << text;
    std::filesystem::rename(folder_.file("new"), folder_.file("resolv.conf"));
  }
  void open_file() {
    DnsChannelOptions options;
    options.resolv_conf = folder_.file("resolv.conf");
    options.resolv_conf_port = server_.address().port();
    options.attempt_timeout = Millis(60'000);
    options.query_timeout = test::kPatience;
    open(options);
  }
  test::TempFolder folder_;
};

TEST_F(ResolvConfTest, SearchesInItsDomains) {
  write("search one.test two.test\noptions ndots:2\n");
  open_file();
  EXPECT_THAT(channel_->search_names("app"), ElementsAre("app.one.test", "app.two.test", "app"));
  EXPECT_THAT(channel_->search_names("a.b"), ElementsAre("a.b.one.test", "a.b.two.test", "a.b"));
  EXPECT_THAT(channel_->search_names("a.b.c"), ElementsAre("a.b.c", "a.b.c.one.test", "a.b.c.two.test"));
  EXPECT_THAT(channel_->search_names("app."), ElementsAre("app."));
  write("search three.test\n");
  EXPECT_THAT(channel_->search_names("app"), ElementsAre("app.three.test", "app"));
}

TEST_F(ResolvConfTest, ServersOfAChangedFileAreAskedAlsoForWhatIsOut) {
  const DeadServer silent(*base::parse_address("127.0.0.2:" + std::to_string(server_.address().port())));
  server_.set_addresses("app.test", 60, {"127.0.0.1"});
  server_.set_addresses("old.test", 60, {"127.0.0.2"});
  write("nameserver 127.0.0.2\n");
  open_file();
  std::string old;
  const DnsQuestion question =
      channel_->query("old.test", DnsType::kA, [&](const auto& reply) { old = text_of(reply); });
  driver_.turns(3);
  write("nameserver 127.0.0.1\n");
  EXPECT_EQ(ask("app.test"), "127.0.0.1");
  EXPECT_TRUE(driver_.until([&] { return !old.empty(); }));
  EXPECT_EQ(old, "127.0.0.2");
}

}  // namespace
}  // namespace weir::net
