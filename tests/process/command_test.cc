// The commands that serve nothing: `--version`, `--help`, `check`, `describe`, and what a wrong command line
// meets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "support/dns_server.h"
#include "support/listener.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr int kUsage = 2;

// `weir check`, with options before the file.
WeirRun check(const std::string& toml, std::vector<std::string> options = {},
              const ChildOptions& child = weir_options()) {
  const TemporaryDirectory directory;
  options.insert(options.begin(), "check");
  options.push_back(directory.write("weir.toml", toml));
  return run_weir(options, child);
}

std::string file_with(const std::vector<std::string>& backends, const std::string& bind = "127.0.0.1:0") {
  Configuration configuration;
  configuration.workers = 2;
  configuration.bind = bind;
  configuration.backends = backends;
  return configuration.to_toml();
}

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++count;
  return count;
}

TEST(Version, IsOneLineWithTheProgramsNameAndThreeNumbers) {
  const WeirRun run = run_weir({"--version"});
  EXPECT_EQ(run.exit.status, 0);
  EXPECT_TRUE(std::regex_match(run.output, std::regex("weir [0-9]+\\.[0-9]+\\.[0-9]+\n"))) << run.output;
}

class Help : public testing::TestWithParam<std::string> {};

TEST_P(Help, SaysTheUsageAndShowsExamplesOfThisCommand) {
  const std::string& command = GetParam();
  for (const char* option : {"--help", "-h"}) {
    const WeirRun run = command.empty() ? run_weir({option}) : run_weir({command, option});
    EXPECT_EQ(run.exit.status, 0);
    const std::string name = command.empty() ? "weir" : "weir " + command;
    EXPECT_THAT(run.output, HasSubstr("Usage: " + name + " "));
    const std::size_t examples = run.output.find("Examples:\n");
    ASSERT_NE(examples, std::string::npos) << run.output;
    EXPECT_GE(count_of(run.output.substr(examples), name + " "), 2u) << run.output;
  }
}

INSTANTIATE_TEST_SUITE_P(Commands, Help, testing::Values("", "run", "check", "demo", "describe"),
                         [](const auto& test) { return test.param.empty() ? "ofWeir" : test.param; });

TEST(Help, OfTheProgramNamesEveryCommandAndEveryExitStatus) {
  const WeirRun run = run_weir({"--help"});
  for (const char* command : {"\n  run ", "\n  check ", "\n  demo ", "\n  describe "}) {
    EXPECT_THAT(run.output, HasSubstr(command));
  }
  for (const char* status : {"0 done", "1 the configuration", "2 wrong usage", "3 sessions were cut"}) {
    EXPECT_THAT(run.output, HasSubstr(status));
  }
}

TEST(CommandLine, WhatIsWrongWithItIsSaidWithTheWayToTheUsage) {
  const struct {
    std::vector<std::string> arguments;
    std::string said;
  } kCases[] = {
      {{}, "subcommand is required"},
      {{"walk"}, "walk"},
      {{"--colour"}, "--colour"},
      {{"run"}, "CONFIG is required"},
      {{"check"}, "CONFIG is required"},
      {{"check", "--resolve"}, "CONFIG is required"},
      {{"describe"}, "WHAT is required"},
      {{"run", "a.toml", "b.toml"}, "b.toml"},
      {{"run", "--resolve", "a.toml"}, "--resolve"},
      {{"check", "--port", "1", "a.toml"}, "--port"},
      {{"describe", "weather"}, "weather"},
      {{"demo", "--port", "0"}, "--port"},
      {{"demo", "--port", "65536"}, "--port"},
      {{"demo", "--seconds", "soon"}, "--seconds"},
      {{"demo", "--workers", "0"}, "--workers"},
      {{"demo", "check"}, "check"},
  };
  for (const auto& [arguments, said] : kCases) {
    const WeirRun run = run_weir(arguments);
    const std::string line = testing::PrintToString(arguments);
    EXPECT_EQ(run.exit.status, kUsage) << line << run.output;
    EXPECT_THAT(run.output, AllOf(HasSubstr(said), HasSubstr("--help"))) << line;
  }
}

TEST(Check, OfAGoodFileSaysWhatIsInItAndTheSumOfTheDescriptors) {
  ChildOptions options = weir_options();
  options.descriptors = 1000;
  const WeirRun run = check(file_with({"\"127.0.0.1:9\"", "\"127.0.0.2:9\""}), {}, options);
  EXPECT_EQ(run.exit.status, 0);
  EXPECT_THAT(run.output, HasSubstr("/weir.toml: ok\n"));
  EXPECT_THAT(run.output, HasSubstr("1 listener, 1 pool, 2 workers\n"));

  std::smatch sum;
  const std::regex form(R"(max_connections (\d+) = \((\d+) descriptors - (\d+) kept for: (.*)\) / (\d+))");
  ASSERT_TRUE(std::regex_search(run.output, sum, form)) << run.output;
  const auto number = [&](std::size_t group) { return std::stoul(sum[group]); };
  EXPECT_EQ(number(2), 1000u);
  EXPECT_EQ(number(1), (number(2) - number(3)) / number(5));
  std::istringstream items(sum[4]);
  std::size_t kept = 0;
  for (std::string item; std::getline(items, item, ',');) {
    // A comma inside of an item's words is followed by no number.
    std::size_t count = 0;
    if (std::istringstream(item) >> count) kept += count;
  }
  EXPECT_EQ(kept, number(3)) << "the items do not add up: " << sum[4];
}

TEST(Check, ReportsEveryProblemAtOnceAndCountsThem) {
  const WeirRun run = check(
      "[process]\nworkers = 0\n[listeners.web]\nbind = \"127.0.0.1:99999\"\npool = \"nowhere\"\n"
      "idle_timout = \"3s\"\n[pools.web]\nbackends = [\"app\", \"app:80\", \"app:80\"]\nretries = 9\n");
  EXPECT_EQ(run.exit.status, kNotStarted);
  for (const char* place : {":2:11: error: ", ":4:8: error: ", ":5:8: error: ", ":6:1: error: ",
                            ":8:13: error: ", ":8:30: error: ", ":9:11: error: "}) {
    EXPECT_THAT(run.output, HasSubstr(std::string("weir.toml") + place));
  }
  EXPECT_THAT(run.output, HasSubstr("weir.toml: 7 errors, 0 warnings\n"));
  EXPECT_THAT(run.output, Not(HasSubstr("ok")));
}

TEST(Check, OfAFileWithWarningsAloneIsGood) {
  const WeirRun run = check(file_with({"\"127.0.0.1:9\""}) + "[pools.spare]\nbackends = [\"127.0.0.1:9\"]\n");
  EXPECT_EQ(run.exit.status, 0);
  EXPECT_THAT(run.output, HasSubstr("warning: pools.spare: no listener uses this pool"));
  EXPECT_THAT(run.output, HasSubstr("weir.toml: ok (0 errors, 1 warning)"));
}

TEST(Check, OfAFileThatIsNotThereIsAnErrorWithItsName) {
  const WeirRun run = run_weir({"check", "/nonexistent/weir.toml"});
  EXPECT_EQ(run.exit.status, kNotStarted);
  EXPECT_THAT(run.output, HasSubstr("/nonexistent/weir.toml: error: the file does not exist"));
}

TEST(Check, StartsNothingSoAnAddressInUseIsNoProblemAndNoSocketIsLeft) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weir.sock");
  const Listener holder;
  EXPECT_EQ(check(file_with({"\"127.0.0.1:9\""}, holder.address().to_string())).exit.status, 0);
  EXPECT_EQ(check(file_with({"\"127.0.0.1:9\""}, "unix:" + path)).exit.status, 0);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Check, TakesTheEnvironmentIntoTheFile) {
  ChildOptions options = weir_options();
  options.environment.emplace_back("WEIR_TEST_BACKEND", "127.0.0.1:9");
  const std::string toml = file_with({"\"${WEIR_TEST_BACKEND}\""});
  EXPECT_EQ(check(toml, {}, options).exit.status, 0);
  const WeirRun without = check(toml);
  EXPECT_EQ(without.exit.status, kNotStarted);
  EXPECT_THAT(without.output, HasSubstr("WEIR_TEST_BACKEND"));
}

// ".invalid" never resolves (RFC 2606), and without a network the resolver should not be waited for long.
ChildOptions impatient() {
  ChildOptions options = weir_options();
  options.environment.emplace_back("RES_OPTIONS", "timeout:1 attempts:1");
  return options;
}

TEST(Check, DoesNotAskTheResolverUnlessItIsTold) {
  const WeirRun run = check(file_with({"\"backend.invalid:80\""}), {}, impatient());
  EXPECT_EQ(run.exit.status, 0);
  EXPECT_THAT(run.output, AllOf(HasSubstr(": ok\n"), Not(HasSubstr("resolve"))));
}

TEST(Check, ToldToResolveTakesEveryNameThatDoesNotForAnError) {
  const WeirRun run = check(file_with({"\"one.invalid:80\"", "\"127.0.0.1:9\"", "\"two.invalid:80\""}),
                            {"--resolve"}, impatient());
  EXPECT_EQ(run.exit.status, kNotStarted);
  EXPECT_THAT(run.output, HasSubstr("error: pools.web.backends: the name \"one.invalid\" does not resolve"));
  EXPECT_THAT(run.output, HasSubstr("error: pools.web.backends: the name \"two.invalid\" does not resolve"));
  EXPECT_THAT(run.output, HasSubstr("2 errors, 0 warnings"));
}

// What the system's resolver knows nothing of: services, and name servers of a pool's own.
TEST(Check, ToldToResolveAsksTheNameServersOfThePool) {
  DnsServer dns;
  dns.set_addresses("app.test", 60, {"127.0.0.1"});
  const auto toml = [&](const std::string& backend, const std::string& use) {
    return file_with({backend}) + "[pools.web.resolve]\nuse = \"" + use + "\"\nservers = [\"" +
           dns.address().to_string() + "\"]\n";
  };
  const WeirRun known = check(toml("\"app.test:9\"", "a"), {"--resolve"});
  EXPECT_EQ(known.exit.status, 0) << known.output;
  const WeirRun unknown = check(toml("\"gone.test:9\"", "a"), {"--resolve"});
  EXPECT_EQ(unknown.exit.status, kNotStarted);
  EXPECT_THAT(unknown.output, HasSubstr("error: pools.web.backends: the name \"gone.test\" does not exist"));
  const WeirRun service = check(toml("\"_a._tcp.gone.test\"", "srv"), {"--resolve"});
  EXPECT_EQ(service.exit.status, kNotStarted);
  EXPECT_THAT(service.output, HasSubstr("the name \"_a._tcp.gone.test\" does not exist"));
  EXPECT_EQ(check(toml("\"gone.test:9\"", "a")).exit.status, 0) << "it was not told to ask";
}

TEST(Check, ToldToResolveIsContentWithAddresses) {
  EXPECT_EQ(check(file_with({"\"127.0.0.1:9\""}), {"--resolve"}).exit.status, 0);
}

TEST(Describe, PrintsTheReferenceAndTheSchemaAsTheyLieInConf) {
  const std::string conf = WEIR_TEST_SUPPORT_DIR "/../../conf/";
  for (const auto& [what, file] :
       {std::pair("reference", "REFERENCE.md"), std::pair("schema", "weir.schema.json")}) {
    const WeirRun run = run_weir({"describe", what});
    EXPECT_EQ(run.exit.status, 0);
    EXPECT_TRUE(run.output == text_of(conf + file))
        << "conf/" << file << " is not what `weir describe " << what << "` prints";
    EXPECT_THAT(run.output, Not(IsEmpty()));
  }
}

}  // namespace
}  // namespace weir::test
