#include "discovery/name_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/discovery/dns_fixture.h"

namespace weir::discovery {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace weir::test;

class NameWatchTest : public DnsFixture {
 protected:
  void SetUp() override { open(dns_options()); }

  void open(net::DnsChannelOptions dns) {
    auto made = NameWatch::create(*loop_, {std::move(dns), hosts_path(), 1, both_families});
    ASSERT_TRUE(made.has_value());
    watch_ = *std::move(made);
  }

  // Callbacks that write down what they are told.
  NameCallbacks callbacks() {
    NameCallbacks callbacks;
    callbacks.changed = [this](const auto& endpoints) {
      ++changes_;
      endpoints_ = texts(endpoints);
      events_.push_back("changed " + std::to_string(endpoints.size()));
    };
    callbacks.failed = [this](const std::string& reason) { events_.push_back("failed " + reason); };
    callbacks.recovered = [this] { events_.push_back("recovered"); };
    callbacks.noted = [this](const std::string& note) { events_.push_back("noted " + note); };
    return callbacks;
  }

  NameWatch::Id add(NameRules rules = {}) { return watch_->add({"app.test", 80}, rules, callbacks()); }

  // Waits until the name was asked for once more, and has answered.
  void await_round(NameWatch::Id id) {
    const std::uint64_t before = watch_->status(id)->questions;
    ASSERT_TRUE(driver_.until([&] {
      const auto status = watch_->status(id);
      return status->questions > before && !status->is_asking;
    }));
  }

  std::unique_ptr<NameWatch> watch_;
  std::vector<std::string> endpoints_;
  std::vector<std::string> events_;
  int changes_ = 0;
};

TEST_F(NameWatchTest, TellsTheFirstAnswer) {
  server_.set_addresses("app.test", 60, {"127.0.0.1", "::1"});
  const NameWatch::Id id = add();
  EXPECT_THAT(events_, IsEmpty()) << "told from within add";
  ASSERT_TRUE(driver_.until([&] { return changes_ == 1; }));
  EXPECT_THAT(endpoints_, ElementsAre("0 127.0.0.1:80 1", "0 [::1]:80 1"));
  const auto status = watch_->status(id);
  ASSERT_TRUE(status.has_value());
  EXPECT_THAT(texts(status->endpoints), ElementsAre("0 127.0.0.1:80 1", "0 [::1]:80 1"));
  EXPECT_TRUE(status->last_answer.has_value());
  EXPECT_EQ(status->last_error, "");
  EXPECT_EQ(status->questions, 1u);
  const auto wait = status->next_question - *status->last_answer;
  EXPECT_LE(wait, std::chrono::seconds(60));
  EXPECT_GE(wait, std::chrono::seconds(54));
}

TEST_F(NameWatchTest, AsksAgainWhenTheLifeEndsAndTellsOnlyChanges) {
  server_.set_addresses("app.test", 1, {"127.0.0.1", "127.0.0.2"});
  const NameWatch::Id id = add();
  ASSERT_TRUE(driver_.until([&] { return changes_ == 1; }));
  server_.set_addresses("app.test", 1, {"127.0.0.2", "127.0.0.1"});
  await_round(id);
  EXPECT_EQ(changes_, 1) << "only the order is another";
  server_.set_addresses("app.test", 1, {"127.0.0.3"});
  ASSERT_TRUE(driver_.until([&] { return changes_ == 2; }));
  EXPECT_THAT(endpoints_, ElementsAre("0 127.0.0.3:80 1"));
}

TEST_F(NameWatchTest, HoldsTheLastGoodAnswerWhateverComes) {
  server_.set_addresses("app.test", 0, {"127.0.0.1"});
  const NameWatch::Id id = add();
  ASSERT_TRUE(driver_.until([&] { return changes_ == 1; }));
  server_.set_both("app.test", answer_with_code(kDnsServFail));
  ASSERT_TRUE(driver_.until([&] { return events_.size() == 2; }));
  EXPECT_EQ(events_.back(),
            "failed the name \"app.test\" does not resolve: the name server failed (SERVFAIL)");
  await_round(id);
  EXPECT_EQ(events_.size(), 2u) << "told once";
  server_.remove("app.test");
  await_round(id);
  EXPECT_EQ(events_.back(), "failed the name \"app.test\" does not exist (NXDOMAIN)");
  EXPECT_EQ(changes_, 1);
  const auto status = watch_->status(id);
  EXPECT_THAT(texts(status->endpoints), ElementsAre("0 127.0.0.1:80 1"));
  EXPECT_THAT(status->last_error, HasSubstr("NXDOMAIN"));
  EXPECT_GE(status->failures, 3u);
  server_.set_addresses("app.test", 60, {"127.0.0.1"});
  ASSERT_TRUE(driver_.until([&] { return events_.back() == "recovered"; }));
  EXPECT_EQ(changes_, 1) << "the same set as before";
  EXPECT_EQ(watch_->status(id)->last_error, "");
}

TEST_F(NameWatchTest, HoldsItAgainstAnEmptyAnswerToo) {
  server_.set_addresses("app.test", 0, {"127.0.0.1"});
  const NameWatch::Id id = add();
  ASSERT_TRUE(driver_.until([&] { return changes_ == 1; }));
  server_.set_addresses("app.test", 60, {});
  ASSERT_TRUE(driver_.until([&] { return events_.size() == 2; }));
  EXPECT_EQ(events_.back(), "failed the name \"app.test\" has no address");
  EXPECT_EQ(watch_->status(id)->endpoints.size(), 1u);
}

TEST_F(NameWatchTest, WithoutHoldingANameThatIsGoneHasNoEndpoints) {
  server_.set_addresses("app.test", 1, {"127.0.0.1"});
  NameRules rules;
  rules.hold_last_good = false;
  add(rules);
  ASSERT_TRUE(driver_.until([&] { return changes_ == 1; }));
  server_.remove("app.test");
  ASSERT_TRUE(driver_.until([&] { return changes_ == 2; }));
  EXPECT_THAT(events_, ElementsAre("changed 1", "changed 0")) << "the change tells of the failure too";
  server_.set_addresses("app.test", 60, {"127.0.0.1"});
  ASSERT_TRUE(driver_.until([&] { return events_.size() == 4; }));
  EXPECT_THAT(events_, ElementsAre("changed 1", "changed 0", "changed 1", "recovered"));
}

TEST_F(NameWatchTest, WithoutHoldingAPartThatFailsStaysWhileTheLastWholeAnswerCounts) {
  server_.set_addresses("app.test", 300, {"127.0.0.1", "::1"});
  NameRules rules;
  rules.hold_last_good = false;
  rules.interval = base::Millis(1'000);
  const NameWatch::Id id = add(rules);
  ASSERT_TRUE(driver_.until([&] { return changes_ == 1; }));
  server_.set("app.test", kDnsAaaa, answer_with_code(kDnsServFail));
  ASSERT_TRUE(driver_.until([&] { return events_.size() == 2; }));
  EXPECT_THAT(events_.back(), HasSubstr("noted AAAA records"));
  EXPECT_EQ(watch_->status(id)->endpoints.size(), 2u);
}

TEST_F(NameWatchTest, NotesAreOfTheLastAnswer) {
  server_.set_addresses("app.test", 0, {"127.0.0.1", "::1"});
  const NameWatch::Id id = add();
  ASSERT_TRUE(driver_.until([&] { return changes_ == 1; }));
  server_.set("app.test", kDnsAaaa, answer_with_code(kDnsServFail));
  ASSERT_TRUE(driver_.until([&] { return !watch_->status(id)->notes.empty(); }));
  server_.set_both("app.test", answer_with_code(kDnsServFail));
  ASSERT_TRUE(driver_.until([&] { return !watch_->status(id)->last_error.empty(); }));
  EXPECT_THAT(watch_->status(id)->notes, IsEmpty());
}

TEST_F(NameWatchTest, WithoutHoldingWhatWasFoundOutlivesAFirstQuestionWithoutAnAnswer) {
  auto failure = std::make_unique<DnsServer::Answer>();
  failure->rcode = kDnsServFail;
  server_.set_all(std::move(failure));
  NameRules rules;
  rules.hold_last_good = false;
  const std::vector<DiscoveredEndpoint> found{{*base::parse_address("127.0.0.7:80"), 1, 0, ""}};
  const NameWatch::Id id = watch_->add({"app.test", 80}, rules, callbacks(), found);
  await_round(id);
  EXPECT_EQ(changes_, 0);
  EXPECT_EQ(watch_->status(id)->failures, 1u);
  EXPECT_EQ(watch_->status(id)->endpoints, found);
}

TEST_F(NameWatchTest, WithoutHoldingWhatWasFoundGoesWithANameThatDoesNotExist) {
  NameRules rules;
  rules.hold_last_good = false;
  const std::vector<DiscoveredEndpoint> found{{*base::parse_address("127.0.0.7:80"), 1, 0, ""}};
  const NameWatch::Id id = watch_->add({"app.test", 80}, rules, callbacks(), found);
  ASSERT_TRUE(driver_.until([&] { return changes_ == 1; }));
  EXPECT_THAT(watch_->status(id)->endpoints, IsEmpty());
}

TEST_F(NameWatchTest, AFirstAnswerThatTellsWhatWasFoundIsNoChange) {
  server_.set_addresses("app.test", 60, {"127.0.0.7"});
  const std::vector<DiscoveredEndpoint> found{{*base::parse_address("127.0.0.7:80"), 1, 0, ""}};
  const NameWatch::Id id = watch_->add({"app.test", 80}, {}, callbacks(), found);
  await_round(id);
  EXPECT_TRUE(watch_->status(id)->last_answer.has_value());
  EXPECT_EQ(changes_, 0);
}

TEST_F(NameWatchTest, WithoutHoldingAnAnswerWhoseLifeIsOverGoesWithSilence) {
  server_.set_addresses("app.test", 1, {"127.0.0.1"});
  NameRules rules;
  rules.hold_last_good = false;
  const NameWatch::Id id = add(rules);
  ASSERT_TRUE(driver_.until([&] { return changes_ == 1; }));
  server_.set_both("app.test", silence());
  ASSERT_TRUE(driver_.until([&] { return changes_ == 2; }));
  EXPECT_THAT(watch_->status(id)->endpoints, IsEmpty());
}

TEST_F(NameWatchTest, AFamilyThatFailsKeepsItsLastAddresses) {
  server_.set_addresses("app.test", 1, {"127.0.0.1", "::1"});
  const NameWatch::Id id = add();
  ASSERT_TRUE(driver_.until([&] { return changes_ == 1; }));
  server_.set("app.test", kDnsAaaa, answer_with_code(kDnsServFail));
  ASSERT_TRUE(driver_.until([&] { return events_.size() == 2; }));
  EXPECT_THAT(events_.back(), HasSubstr("noted AAAA records of \"app.test\" could not be asked for"));
  EXPECT_THAT(texts(watch_->status(id)->endpoints), ElementsAre("0 127.0.0.1:80 1", "0 [::1]:80 1"));
  server_.set_addresses("app.test", 1, {"127.0.0.1"});
  ASSERT_TRUE(driver_.until([&] { return changes_ == 2; }));
  EXPECT_THAT(endpoints_, ElementsAre("0 127.0.0.1:80 1")) << "known to have none now";
}

TEST_F(NameWatchTest, AServiceThatIsSaidNotToBeThereHasNoEndpointsThoughTheyAreHeld) {
  DnsServer::Answer answer;
  answer.records = {srv_record("_x._tcp.test", 1, {0, 1, 80}, "one.test")};
  answer.additional = {a_record("one.test", 1, "127.0.0.1")};
  server_.set("_x._tcp.test", kDnsSrv, answer);
  watch_->add({"_x._tcp.test", 0, NameSpec::Use::kServices, {}}, {}, callbacks());
  ASSERT_TRUE(driver_.until([&] { return changes_ == 1; }));
  EXPECT_THAT(endpoints_, ElementsAre("0 127.0.0.1:80 1 one.test"));
  answer.records = {srv_record("_x._tcp.test", 60, {0, 0, 0}, "")};
  answer.additional.clear();
  server_.set("_x._tcp.test", kDnsSrv, answer);
  ASSERT_TRUE(driver_.until([&] { return changes_ == 2; }));
  EXPECT_THAT(endpoints_, IsEmpty());
}

TEST_F(NameWatchTest, FailedConnectsMakeItAskEarly) {
  server_.set_addresses("app.test", 3'600, {"127.0.0.1"});
  const NameWatch::Id id = add();
  ASSERT_TRUE(driver_.until([&] { return changes_ == 1; }));
  server_.set_addresses("app.test", 3'600, {"127.0.0.2"});
  for (int i = 0; i < 100; ++i) watch_->connects_fail(id);
  ASSERT_TRUE(driver_.until([&] { return changes_ == 2; })) << "an hour is too long to wait";
  EXPECT_EQ(watch_->status(id)->questions, 2u) << "one question for many failures";
}

TEST_F(NameWatchTest, FixedIntervalIsKept) {
  server_.set_addresses("app.test", 3'600, {"127.0.0.1"});
  NameRules rules;
  rules.interval = base::Millis(1'000);
  const NameWatch::Id id = add(rules);
  ASSERT_TRUE(driver_.until([&] { return changes_ == 1; }));
  await_round(id);
  EXPECT_GE(server_.questions("app.test", kDnsA), 2u);
}

TEST_F(NameWatchTest, NothingIsToldOfANameThatWasRemovedWhileItsQuestionIsOut) {
  DnsServer::Answer slow;
  slow.records = {a_record("slow.test", 60, "127.0.0.1")};
  slow.delay = base::Millis(100);
  server_.set("slow.test", kDnsA, slow);
  server_.set_addresses("app.test", 60, {"127.0.0.2"});
  const NameWatch::Id slow_id = watch_->add({"slow.test", 80}, {}, callbacks());
  ASSERT_TRUE(driver_.until([&] { return server_.questions("slow.test", kDnsA) == 1; }));
  watch_->remove(slow_id);
  EXPECT_FALSE(watch_->status(slow_id).has_value());
  watch_->remove(slow_id);
  watch_->connects_fail(slow_id);
  EXPECT_EQ(watch_->size(), 0u);
  slow.records = {a_record("other.test", 60, "127.0.0.3")};
  slow.delay = base::Millis(200);
  server_.set("other.test", kDnsA, slow);
  watch_->add({"other.test", 80}, {}, callbacks());
  ASSERT_TRUE(driver_.until([&] { return changes_ > 0; }));
  EXPECT_THAT(endpoints_, ElementsAre("0 127.0.0.3:80 1")) << "asked later, answered later";
  EXPECT_EQ(changes_, 1);
}

TEST_F(NameWatchTest, MayGoWhileQuestionsAreOut) {
  server_.set_all(std::make_unique<DnsServer::Answer>(silence()));
  for (int i = 0; i < 200; ++i) watch_->add({"n" + std::to_string(i) + ".test", 80}, {}, callbacks());
  ASSERT_TRUE(driver_.until([&] { return server_.questions() >= 64; }));
  watch_.reset();
  driver_.turns(10);
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(NameWatchTest, ManyNamesAreAllAnswered) {
  for (int i = 0; i < 200; ++i) server_.set_addresses("n" + std::to_string(i) + ".test", 60, {"127.0.0.1"});
  for (int i = 0; i < 200; ++i) watch_->add({"n" + std::to_string(i) + ".test", 80}, {}, callbacks());
  EXPECT_TRUE(driver_.until([&] { return changes_ == 200; }));
}

TEST_F(NameWatchTest, ACallbackMayRemoveItsOwnName) {
  server_.set_addresses("app.test", 60, {"127.0.0.1"});
  NameWatch::Id id = 0;
  NameCallbacks own = callbacks();
  own.failed = [&](const std::string&) { watch_->remove(id); };
  own.changed = [&](const auto&) {
    ++changes_;
    watch_->remove(id);
  };
  id = watch_->add({"app.test", 80}, {}, own);
  EXPECT_TRUE(driver_.until([&] { return changes_ == 1; }));
  EXPECT_EQ(watch_->size(), 0u);
  id = watch_->add({"no.test", 80}, {}, own);
  EXPECT_TRUE(driver_.until([&] { return watch_->size() == 0; }));
}

TEST_F(NameWatchTest, ANameNeverAnsweredIsToldAsFailingAndThenKnown) {
  add();
  ASSERT_TRUE(driver_.until([&] { return !events_.empty(); }));
  server_.set_addresses("app.test", 60, {"127.0.0.1"});
  ASSERT_TRUE(driver_.until([&] { return changes_ == 1 && events_.back() == "recovered"; }));
  EXPECT_THAT(events_, ElementsAre("failed the name \"app.test\" does not exist (NXDOMAIN)", "changed 1",
                                   "recovered"));
}

TEST_F(NameWatchTest, ASilentFirstServerIsPassedOver) {
  DnsServer silent;
  silent.set_all(std::make_unique<DnsServer::Answer>(silence()));
  server_.set_addresses("app.test", 60, {"127.0.0.1"});
  net::DnsChannelOptions options;
  options.servers = {silent.address(), server_.address()};
  options.attempt_timeout = base::Millis(100);
  open(options);
  add();
  EXPECT_TRUE(driver_.until([&] { return changes_ == 1; }));
  EXPECT_GE(silent.questions(), 1u);
  EXPECT_THAT(events_, ElementsAre("changed 1"));
}

TEST_F(NameWatchTest, AChangedHostsFileIsSeen) {
  write_hosts("127.0.0.1 app.test\n");
  const NameWatch::Id id = add();
  ASSERT_TRUE(driver_.until([&] { return changes_ == 1; }));
  write_hosts("127.0.0.77 app.test\n");
  watch_->connects_fail(id);
  ASSERT_TRUE(driver_.until([&] { return changes_ == 2; }));
  EXPECT_THAT(endpoints_, ElementsAre("0 127.0.0.77:80 1"));
  EXPECT_EQ(server_.questions(), 0u);
}

}  // namespace
}  // namespace weir::discovery
