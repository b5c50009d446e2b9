#include "discovery/dns_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "unit/discovery/dns_fixture.h"

namespace weir::discovery {
namespace {

using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace weir::test;
using Use = NameSpec::Use;

class DnsSourceTest : public DnsFixture {
 protected:
  void SetUp() override { open(dns_options()); }

  void open(net::DnsChannelOptions options) {
    auto made = net::DnsChannel::create(*loop_, std::move(options));
    ASSERT_TRUE(made.has_value());
    channel_ = *std::move(made);
  }

  DnsSource::Uses uses() { return {*loop_, *channel_, hosts_, host_families_}; }

  Report report_of(NameSpec spec) {
    std::optional<Report> told;
    DnsSource source(uses(), std::move(spec), [&](Report report) { told = std::move(report); });
    source.ask();
    EXPECT_FALSE(told.has_value()) << "reported before ask returned";
    EXPECT_TRUE(driver_.until([&] { return told.has_value(); }));
    return told.value_or(Failure{"nothing came"});
  }

  Answer answer_of(NameSpec spec) {
    const Report report = report_of(std::move(spec));
    if (const auto* failure = std::get_if<Failure>(&report)) {
      ADD_FAILURE() << failure->reason;
      return {};
    }
    return std::get<Answer>(report);
  }

  Failure failure_of(NameSpec spec) {
    const Report report = report_of(std::move(spec));
    if (const auto* failure = std::get_if<Failure>(&report)) return *failure;
    ADD_FAILURE() << "answered with " << std::get<Answer>(report).endpoints.size() << " endpoints";
    return {};
  }

  void set_services(const std::vector<DnsRecord>& records, const std::vector<DnsRecord>& additional = {}) {
    DnsServer::Answer answer;
    answer.records = records;
    answer.additional = additional;
    server_.set(kService, kDnsSrv, answer);
  }
  static NameSpec services() { return {kService, 0, Use::kServices, {}}; }

  static constexpr const char* kService = "_http._tcp.app.test";
  net::Families (*host_families_)() = both_families;
  net::HostsFile hosts_{hosts_path()};
  std::unique_ptr<net::DnsChannel> channel_;
};

TEST_F(DnsSourceTest, JoinsBothFamiliesWithTheShortestLife) {
  DnsServer::Answer v4;
  v4.records = {a_record("app.test", 60, "127.0.0.2"), a_record("app.test", 50, "127.0.0.1")};
  server_.set("app.test", kDnsA, v4);
  DnsServer::Answer v6;
  v6.records = {aaaa_record("app.test", 40, "::1")};
  server_.set("app.test", kDnsAaaa, v6);
  const Answer answer = answer_of({"app.test", 80});
  EXPECT_THAT(texts(answer.endpoints), ElementsAre("0 127.0.0.1:80 1", "0 127.0.0.2:80 1", "0 [::1]:80 1"));
  EXPECT_EQ(answer.ttl, seconds(40));
  EXPECT_THAT(answer.missing, IsEmpty());
  EXPECT_THAT(answer.notes, IsEmpty());
}

TEST_F(DnsSourceTest, AsksOnlyForTheFamiliesThatAreWanted) {
  server_.set_addresses("app.test", 60, {"127.0.0.1", "::1"});
  EXPECT_THAT(texts(answer_of({"app.test", 80, Use::kAddresses, {true, false}}).endpoints),
              ElementsAre("0 127.0.0.1:80 1"));
  EXPECT_EQ(server_.questions("app.test", kDnsAaaa), 0u);
  EXPECT_THAT(texts(answer_of({"app.test", 80, Use::kAddresses, {false, true}}).endpoints),
              ElementsAre("0 [::1]:80 1"));
  EXPECT_EQ(server_.questions("app.test", kDnsA), 1u);
}

TEST_F(DnsSourceTest, AsksOnlyForTheFamilyThatThisHostHasUnlessToldWhich) {
  host_families_ = [] { return net::Families{true, false}; };
  server_.set_addresses("app.test", 60, {"127.0.0.1", "::1"});
  EXPECT_THAT(texts(answer_of({"app.test", 80}).endpoints), ElementsAre("0 127.0.0.1:80 1"));
  EXPECT_EQ(server_.questions("app.test", kDnsAaaa), 0u);
  EXPECT_THAT(texts(answer_of({"app.test", 80, Use::kAddresses, {false, true}}).endpoints),
              ElementsAre("0 [::1]:80 1"));
}

TEST_F(DnsSourceTest, OneFamilyThatFailsIsMissingAndSaidSo) {
  server_.set_addresses("app.test", 60, {"127.0.0.1"});
  server_.set("app.test", kDnsAaaa, answer_with_code(kDnsServFail));
  const Answer answer = answer_of({"app.test", 80});
  EXPECT_THAT(texts(answer.endpoints), ElementsAre("0 127.0.0.1:80 1"));
  EXPECT_THAT(answer.missing, ElementsAre(MissingPart{"", AF_INET6}));
  EXPECT_THAT(answer.notes,
              ElementsAre(AllOf(HasSubstr("AAAA records of \"app.test\""), HasSubstr("SERVFAIL"))));
}

// NOTAUTH, which the resolver's library hands on like an answer.
TEST_F(DnsSourceTest, AFamilyWithAnErrorThatIsNotOfTheUsualOnesIsMissingAndNotEmpty) {
  server_.set_addresses("app.test", 60, {"127.0.0.1"});
  server_.set("app.test", kDnsAaaa, answer_with_code(9));
  const Answer answer = answer_of({"app.test", 80});
  EXPECT_THAT(answer.missing, ElementsAre(MissingPart{"", AF_INET6}));
  EXPECT_THAT(answer.notes, ElementsAre(HasSubstr("the error 9 (RCODE)")));
  server_.set_both("app.test", answer_with_code(9));
  EXPECT_FALSE(failure_of({"app.test", 80}).no_such_name);
}

TEST_F(DnsSourceTest, OneFamilyThatFailsBesideAnEmptyOneIsAFailure) {
  server_.set_addresses("app.test", 60, {});
  server_.set("app.test", kDnsAaaa, answer_with_code(kDnsServFail));
  const Failure failure = failure_of({"app.test", 80});
  EXPECT_EQ(failure.reason, "the name \"app.test\" does not resolve: the name server failed (SERVFAIL)");
  EXPECT_FALSE(failure.no_such_name);
}

TEST_F(DnsSourceTest, ANameWithoutAddressesIsAnEmptyAnswer) {
  server_.set_addresses("app.test", 60, {});
  const Answer answer = answer_of({"app.test", 80});
  EXPECT_THAT(answer.endpoints, IsEmpty());
  EXPECT_FALSE(answer.is_refusal);
  EXPECT_THAT(answer.notes, ElementsAre("the name \"app.test\" has no address"));
}

TEST_F(DnsSourceTest, ANameThatDoesNotExistIsAFailure) {
  const Failure failure = failure_of({"no.test", 80});
  EXPECT_EQ(failure.reason, "the name \"no.test\" does not exist (NXDOMAIN)");
  EXPECT_TRUE(failure.no_such_name);
}

TEST_F(DnsSourceTest, SilenceIsAFailure) {
  server_.set_both("app.test", silence());
  EXPECT_EQ(failure_of({"app.test", 80}).reason,
            "the name \"app.test\" does not resolve: no name server answered in 300ms");
}

TEST_F(DnsSourceTest, AMalformedAnswerIsAFailure) {
  DnsServer::Answer broken;
  broken.records = {{"app.test", kDnsA, 60, "x"}};
  server_.set_both("app.test", broken);
  EXPECT_THAT(failure_of({"app.test", 80}).reason, HasSubstr("wrong length"));
}

TEST_F(DnsSourceTest, FollowsAliases) {
  DnsServer::Answer answer;
  answer.records = {cname_record("www.test", 20, "app.test"), a_record("app.test", 60, "127.0.0.1")};
  server_.set("www.test", kDnsA, answer);
  answer.records.pop_back();
  server_.set("www.test", kDnsAaaa, answer);
  const Answer told = answer_of({"www.test", 80});
  EXPECT_THAT(texts(told.endpoints), ElementsAre("0 127.0.0.1:80 1"));
  EXPECT_EQ(told.ttl, seconds(20));
}

TEST_F(DnsSourceTest, CutsAVeryLongAnswerAndSaysSo) {
  // Such an answer takes long to make and to read on a busy machine.
  net::DnsChannelOptions patient = dns_options();
  patient.attempt_timeout = base::Millis(5'000);
  patient.query_timeout = test::kPatience;
  open(patient);
  DnsServer::Answer answer;
  for (int i = 0; i < 1'100; ++i) {
    answer.records.push_back(
        a_record("app.test", 60, "127.1." + std::to_string(i / 200) + "." + std::to_string(i % 200)));
  }
  answer.mood = DnsServer::Mood::kTruncates;
  server_.set("app.test", kDnsA, answer);
  const Answer told = answer_of({"app.test", 80});
  EXPECT_EQ(told.endpoints.size(), kMaxEndpoints);
  EXPECT_THAT(told.notes,
              ElementsAre("the name \"app.test\" has more than 1024 addresses: the first 1024 are used"));
}

TEST_F(DnsSourceTest, AnAddressThatMeansThisHostIsLeftOut) {
  server_.set_addresses("app.test", 60, {"0.0.0.0", "127.0.0.1", "::"});
  const Answer answer = answer_of({"app.test", 80});
  EXPECT_THAT(texts(answer.endpoints), ElementsAre("0 127.0.0.1:80 1"));
  EXPECT_EQ(answer.notes.size(), 2u);
}

TEST_F(DnsSourceTest, TheHostsFileComesFirst) {
  write_hosts("127.0.0.9 app.test\n");
  server_.set_addresses("app.test", 60, {"127.0.0.1"});
  const Answer answer = answer_of({"App.test", 80});
  EXPECT_THAT(texts(answer.endpoints), ElementsAre("0 127.0.0.9:80 1"));
  EXPECT_EQ(answer.ttl, kHostsFileTtl);
  EXPECT_EQ(server_.questions(), 0u);
  EXPECT_THAT(texts(answer_of({"localhost", 80}).endpoints), ElementsAre("0 127.0.0.1:80 1", "0 [::1]:80 1"));
  EXPECT_EQ(server_.questions(), 0u) << "RFC 6761: never asked for";
}

// One host's addresses of both families, and not those of two that have the same short name.
TEST_F(DnsSourceTest, TheFirstOfTheSearchListThatExistsDecidesForBothFamilies) {
  std::ofstream(folder_.file("resolv.conf")) << "nameserver 127.0.0.1\nsearch none.test one.test two.test\n";
  net::DnsChannelOptions options;
  options.resolv_conf = folder_.file("resolv.conf");
  options.resolv_conf_port = server_.address().port();
  open(options);
  server_.set_addresses("app.one.test", 60, {"127.0.0.1"});
  server_.set_addresses("app.two.test", 60, {"127.0.0.2", "::1"});
  EXPECT_THAT(texts(answer_of({"app", 80}).endpoints), ElementsAre("0 127.0.0.1:80 1"));
  EXPECT_EQ(server_.questions("app.two.test", kDnsAaaa), 0u);

  server_.set_both("app.one.test", answer_with_code(kDnsServFail));
  EXPECT_THAT(failure_of({"app", 80}).reason, HasSubstr("SERVFAIL")) << "not another host of that name";

  server_.set_addresses("app.one.test", 60, {});
  EXPECT_THAT(texts(answer_of({"app", 80}).endpoints), ElementsAre("0 127.0.0.2:80 1", "0 [::1]:80 1"));
}

TEST_F(DnsSourceTest, ServicesGiveRanksWeightsAndPorts) {
  host_families_ = [] { return net::Families{true, false}; };
  set_services(
      {srv_record(kService, 60, {20, 5, 81}, "three.test"), srv_record(kService, 60, {10, 0, 80}, "two.test"),
       srv_record(kService, 60, {10, 65'535, 80}, "one.test")},
      {a_record("one.test", 30, "127.0.0.1"), a_record("two.test", 60, "127.0.0.2"),
       a_record("three.test", 60, "127.0.0.3")});
  const Answer answer = answer_of(services());
  EXPECT_THAT(texts(answer.endpoints),
              ElementsAre("0 127.0.0.1:80 65535 one.test", "0 127.0.0.2:80 1 two.test",
                          "1 127.0.0.3:81 5 three.test"));
  EXPECT_EQ(answer.ttl, seconds(30));
  EXPECT_EQ(server_.questions(), 1u) << "what came along is not asked for";
}

TEST_F(DnsSourceTest, TargetsOfWhichOneFamilyCameAlongAreAskedFor) {
  set_services(
      {srv_record(kService, 60, {0, 1, 80}, "one.test"), srv_record(kService, 60, {0, 1, 80}, "two.test")},
      {a_record("one.test", 60, "127.0.0.1"), a_record("two.test", 60, "127.0.0.2"),
       aaaa_record("two.test", 60, "::2")});
  server_.set_addresses("one.test", 60, {"127.0.0.1", "::1"});
  EXPECT_THAT(texts(answer_of(services()).endpoints),
              ElementsAre("0 127.0.0.1:80 1 one.test", "0 127.0.0.2:80 1 two.test", "0 [::1]:80 1 one.test",
                          "0 [::2]:80 1 two.test"));
  EXPECT_EQ(server_.questions("two.test", kDnsAaaa), 0u) << "both came along";
}

TEST_F(DnsSourceTest, WhatCameAlongOfATargetIsUsedWhereTheRestCannotBeHad) {
  set_services(
      {srv_record(kService, 60, {0, 1, 80}, "one.test"), srv_record(kService, 60, {0, 1, 80}, "two.test")},
      {a_record("one.test", 60, "127.0.0.1"), a_record("two.test", 60, "127.0.0.2")});
  server_.set("one.test", kDnsA, answer_with_code(kDnsServFail));
  server_.set("one.test", kDnsAaaa, answer_with_code(kDnsServFail));
  const Answer answer = answer_of(services());
  EXPECT_THAT(texts(answer.endpoints), ElementsAre("0 127.0.0.1:80 1 one.test", "0 127.0.0.2:80 1 two.test"));
  EXPECT_THAT(answer.missing, ElementsAre(MissingPart{"one.test", AF_INET6}));
}

TEST_F(DnsSourceTest, TargetsThatDidNotComeAlongAreAskedFor) {
  set_services(
      {srv_record(kService, 60, {0, 1, 80}, "one.test"), srv_record(kService, 60, {0, 1, 81}, "ONE.test"),
       srv_record(kService, 60, {0, 1, 80}, "two.test")},
      {a_record("two.test", 60, "127.0.0.2")});
  server_.set_addresses("one.test", 20, {"127.0.0.1", "::1"});
  const Answer answer = answer_of(services());
  EXPECT_THAT(texts(answer.endpoints),
              ElementsAre("0 127.0.0.1:80 1 ONE.test", "0 127.0.0.1:81 1 ONE.test",
                          "0 127.0.0.2:80 1 two.test", "0 [::1]:80 1 ONE.test", "0 [::1]:81 1 ONE.test"));
  EXPECT_EQ(answer.ttl, seconds(20));
  EXPECT_EQ(server_.questions("one.test", kDnsA), 1u) << "one host, one question";
}

TEST_F(DnsSourceTest, ATargetOfADotMeansThatThereIsNoService) {
  set_services({srv_record(kService, 60, {0, 0, 0}, "")});
  const Answer answer = answer_of(services());
  EXPECT_THAT(answer.endpoints, IsEmpty());
  EXPECT_TRUE(answer.is_refusal);
  EXPECT_EQ(answer.ttl, seconds(60));
  EXPECT_THAT(answer.notes, ElementsAre(HasSubstr("no such service")));
}

TEST_F(DnsSourceTest, APortOfZeroIsLeftOutAndSaid) {
  set_services({srv_record(kService, 60, {0, 1, 0}, "one.test"),
                srv_record(kService, 60, {0, 1, 80}, "two.test"), srv_record(kService, 60, {0, 1, 80}, "")},
               {a_record("two.test", 60, "127.0.0.2")});
  const Answer answer = answer_of(services());
  EXPECT_THAT(texts(answer.endpoints), ElementsAre("0 127.0.0.2:80 1 two.test"));
  EXPECT_THAT(answer.notes,
              ElementsAre("the SRV record of \"_http._tcp.app.test\" for \"one.test\" has port 0: left out",
                          HasSubstr("target \".\" beside others")));
}

TEST_F(DnsSourceTest, OnlyPortsOfZeroAreAFailure) {
  set_services({srv_record(kService, 60, {0, 1, 0}, "one.test")});
  EXPECT_EQ(failure_of(services()).reason,
            "the SRV record of \"_http._tcp.app.test\" for \"one.test\" has port 0");
}

TEST_F(DnsSourceTest, ATargetWithoutAddressIsLeftOutAndSaid) {
  set_services(
      {srv_record(kService, 60, {0, 1, 80}, "gone.test"), srv_record(kService, 60, {1, 1, 80}, "one.test")});
  server_.set_addresses("one.test", 60, {"127.0.0.1"});
  const Answer answer = answer_of(services());
  EXPECT_THAT(texts(answer.endpoints), ElementsAre("1 127.0.0.1:80 1 one.test"))
      << "a backup stays one while the primary is away";
  EXPECT_THAT(answer.notes, ElementsAre("the SRV target \"gone.test\" does not exist (NXDOMAIN)"));
  EXPECT_THAT(answer.missing, IsEmpty());
}

TEST_F(DnsSourceTest, NoTargetWithAnAddressIsAnEmptyAnswer) {
  set_services({srv_record(kService, 60, {0, 1, 80}, "gone.test")});
  const Answer answer = answer_of(services());
  EXPECT_THAT(answer.endpoints, IsEmpty());
  EXPECT_EQ(answer.notes.size(), 1u);
}

TEST_F(DnsSourceTest, ATargetThatFailsIsMissing) {
  set_services(
      {srv_record(kService, 60, {0, 1, 80}, "one.test"), srv_record(kService, 60, {0, 1, 80}, "two.test")});
  server_.set_addresses("one.test", 60, {"127.0.0.1"});
  server_.set_both("two.test", answer_with_code(kDnsServFail));
  const Answer answer = answer_of(services());
  EXPECT_THAT(texts(answer.endpoints), ElementsAre("0 127.0.0.1:80 1 one.test"));
  EXPECT_THAT(answer.missing,
              ElementsAre(MissingPart{"two.test", AF_INET}, MissingPart{"two.test", AF_INET6}));
  server_.set_both("one.test", answer_with_code(kDnsServFail));
  EXPECT_THAT(failure_of(services()).reason,
              HasSubstr("does not resolve: the name server failed (SERVFAIL)"));
}

TEST_F(DnsSourceTest, FollowsABoundedNumberOfTargets) {
  std::vector<DnsRecord> records;
  for (int i = 0; i < 70; ++i)
    records.push_back(srv_record(kService, 60, {0, 1, 80}, "h" + std::to_string(100 + i) + ".test"));
  set_services(records);
  for (int i = 0; i < 70; ++i) {
    server_.set_addresses("h" + std::to_string(100 + i) + ".test", 60, {"127.0.0." + std::to_string(i + 1)});
  }
  const Answer answer = answer_of(services());
  EXPECT_EQ(answer.endpoints.size(), kMaxSrvTargets);
  ASSERT_FALSE(answer.notes.empty());
  EXPECT_THAT(answer.notes.front(), HasSubstr("more than 64 hosts"));
}

// A thousand ports of one host with a thousand addresses would be a million backends.
TEST_F(DnsSourceTest, MakesNoMoreOfServicesThanAPoolCanUse) {
  std::vector<DnsRecord> records;
  for (int i = 0; i < 1'000; ++i) {
    records.push_back(srv_record(kService, 60, {0, 1, static_cast<std::uint16_t>(10'000 + i)}, "h.test"));
  }
  set_services(records);
  DnsServer::Answer many;
  for (int i = 0; i < 1'000; ++i)
    many.records.push_back(
        a_record("h.test", 60, "127.1." + std::to_string(i / 200) + "." + std::to_string(i % 200)));
  server_.set("h.test", kDnsA, many);
  const Answer answer = answer_of(services());
  EXPECT_EQ(answer.endpoints.size(), kMaxEndpoints);
  EXPECT_THAT(answer.notes, ElementsAre(HasSubstr("more than 1024 addresses")));
}

TEST_F(DnsSourceTest, ServicesThatDoNotExistOrHaveNoRecord) {
  EXPECT_EQ(failure_of(services()).reason, "the name \"_http._tcp.app.test\" does not exist (NXDOMAIN)");
  server_.set_addresses(kService, 60, {"127.0.0.1"});
  EXPECT_THAT(answer_of(services()).notes, ElementsAre("the name \"_http._tcp.app.test\" has no SRV record"));
  server_.set(kService, kDnsSrv, answer_with_code(kDnsServFail));
  EXPECT_THAT(failure_of(services()).reason, HasSubstr("SERVFAIL"));
}

TEST_F(DnsSourceTest, AskingAnewDropsTheQuestionThatIsOut) {
  server_.set_both("app.test", silence());
  int reports = 0;
  std::optional<Report> last;
  DnsSource source(uses(), {"app.test", 80}, [&](Report report) {
    ++reports;
    last = std::move(report);
  });
  source.ask();
  ASSERT_TRUE(driver_.until([&] { return server_.questions() >= 2; }));
  server_.set_addresses("app.test", 60, {"127.0.0.1"});
  source.ask();
  ASSERT_TRUE(driver_.until([&] { return last.has_value(); }));
  driver_.turns(5);
  EXPECT_EQ(reports, 1);
  EXPECT_TRUE(std::holds_alternative<Answer>(*last));
}

TEST_F(DnsSourceTest, MayGoWhileItsQuestionsAreOut) {
  server_.set_both("app.test", silence());
  set_services({srv_record(kService, 60, {0, 1, 80}, "app.test")});
  int reports = 0;
  auto source = std::make_unique<DnsSource>(uses(), services(), [&](const Report&) { ++reports; });
  source->ask();
  ASSERT_TRUE(driver_.until([&] { return server_.questions("app.test", kDnsA) >= 1; }));
  source.reset();
  bool late = false;
  net::Timer timer;
  struct Late {
    bool& flag;
    void on_time() { flag = true; }
  } after{late};
  timer.bind<&Late::on_time>(*loop_, &after);
  timer.start(base::Millis(400));  // past the questions' own time
  ASSERT_TRUE(driver_.until([&] { return late; }));
  EXPECT_EQ(reports, 0);
}

TEST_F(DnsSourceTest, MayBeDestroyedByItsReceiver) {
  server_.set_addresses("app.test", 60, {"127.0.0.1"});
  std::unique_ptr<DnsSource> source;
  source =
      std::make_unique<DnsSource>(uses(), NameSpec{"app.test", 80}, [&](const Report&) { source.reset(); });
  source->ask();
  EXPECT_TRUE(driver_.until([&] { return source == nullptr; }));
}

}  // namespace
}  // namespace weir::discovery
