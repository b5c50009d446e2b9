// bench/capacity where something really gives: it says how much was held, what gave, and on which side.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <map>
#include <regex>
#include <sstream>

#include "support/weir_process.h"

namespace weir::test {
namespace {

using testing::HasSubstr;

// One row of the probe's table with the remarks below it.
struct Row {
  std::size_t held = 0;
  std::size_t at_the_end = 0;
  std::string stopped_by;
  std::string servers;
  std::string weir;
};

// By their names, e.g. "3 servers through Weir".
std::map<std::string, Row> rows_of(const std::string& table) {
  const std::regex row(R"((\S.*?) +(\d+) +(\d+) +(?:-|\d+ B) +(\S.*))");
  const std::regex remark(R"( +(servers|Weir counts): (.*))");
  std::map<std::string, Row> rows;
  Row* last = nullptr;
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    std::smatch found;
    if (std::regex_match(line, found, row)) {
      last = &rows[found[1]];
      *last = {std::stoul(found[2]), std::stoul(found[3]), found[4], "", ""};
    } else if (last != nullptr && std::regex_match(line, found, remark)) {
      (found[1] == "servers" ? last->servers : last->weir) = found[2];
    }
  }
  return rows;
}

struct Probed {
  std::optional<Exit> exit;
  std::string output;
  std::map<std::string, Row> rows;
};

Probed probe(std::vector<std::string> arguments, const ChildOptions& options = weir_options()) {
  arguments.insert(arguments.begin(), {WEIR_CAPACITY, "--weir", WEIR_BINARY});
  ChildProcess child(arguments, options);
  Probed out;
  out.exit = child.wait(4 * kPatience);
  out.output = child.output();
  out.rows = rows_of(out.output);
  EXPECT_TRUE(out.exit && out.exit->status == 0) << out.output;
  return out;
}

TEST(Probe, ThreeServersBehindWeirHoldThreeTimesWhatOneHoldsAndThenTheirDescriptorsGive) {
  const Probed probed = probe({"--server-limit", "256", "--servers", "3"});
  ASSERT_EQ(probed.rows.size(), 2u) << probed.output;
  const Row& alone = probed.rows.at("one server");
  // A descriptor for each connection, and a few for the server itself.
  EXPECT_GT(alone.held, 240u);
  EXPECT_LT(alone.held, 256u);
  EXPECT_EQ(alone.at_the_end, alone.held);
  EXPECT_THAT(alone.stopped_by, HasSubstr("refusal"));
  EXPECT_EQ(alone.servers, "1 of 1 out of descriptors");

  const Row& behind = probed.rows.at("3 servers through Weir");
  EXPECT_EQ(behind.held, 3 * alone.held) << "a server was full before the others";
  EXPECT_EQ(behind.at_the_end, behind.held) << "the refusal of one cost another its connection";
  EXPECT_THAT(behind.stopped_by, HasSubstr("refusal"));
  EXPECT_THAT(behind.servers, HasSubstr("of 3 out of descriptors"));
  EXPECT_EQ(behind.weir, "backend_end 1") << "the one that was turned away, and no refusal of Weir's own";
}

// Keeps this thread, and what it starts meanwhile, on one processor: Weir has a worker for each that it may
// use, and descriptors for each worker.
class OnOneProcessor {
 public:
  OnOneProcessor() {
    ::sched_getaffinity(0, sizeof(before_), &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(::sched_getcpu(), &one);
    ::sched_setaffinity(0, sizeof(one), &one);
  }
  ~OnOneProcessor() { ::sched_setaffinity(0, sizeof(before_), &before_); }
  OnOneProcessor(const OnOneProcessor&) = delete;
  OnOneProcessor& operator=(const OnOneProcessor&) = delete;

 private:
  cpu_set_t before_{};
};

TEST(Probe, WhenWeirIsTheFirstToRunOutOfDescriptorsItIsWeirThatRefuses) {
  const OnOneProcessor one_worker;
  ChildOptions options = weir_options();
  options.descriptors = 160;
  const Probed probed = probe({"--server-limit", "100", "--servers", "3"}, options);
  ASSERT_EQ(probed.rows.size(), 2u) << probed.output;
  const Row& alone = probed.rows.at("one server");
  EXPECT_EQ(alone.servers, "1 of 1 out of descriptors");
  const Row& behind = probed.rows.at("3 servers through Weir");
  EXPECT_LT(behind.held, 80u) << "two descriptors a connection, of 160";
  EXPECT_GT(behind.held, 40u);
  EXPECT_EQ(behind.at_the_end, behind.held);
  EXPECT_THAT(behind.stopped_by, HasSubstr("refusal"));
  EXPECT_EQ(behind.servers, "") << "no server was full";
  EXPECT_EQ(behind.weir, "process_connections 1");
}

TEST(Probe, AClimbThatReachesItsBoundSaysThatNothingGave) {
  const Probed probed = probe({"--server-limit", "64", "--servers", "2", "--most", "30"});
  for (const char* name : {"one server", "2 servers through Weir"}) {
    ASSERT_TRUE(probed.rows.contains(name)) << probed.output;
    const Row& row = probed.rows.at(name);
    EXPECT_EQ(row.held, 30u);
    EXPECT_EQ(row.at_the_end, 30u);
    EXPECT_EQ(row.stopped_by, "nothing: --most was reached");
    EXPECT_EQ(row.servers + row.weir, "");
  }
}

TEST(Probe, AWeirThatDoesNotStartIsSaidAndNothingIsMeasured) {
  ChildProcess child({WEIR_CAPACITY, "--weir", "/bin/false", "--server-limit", "32"}, weir_options());
  const auto exit = child.wait(4 * kPatience);
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->status, 1) << child.output();
  EXPECT_THAT(child.output(), HasSubstr("/bin/false does not start"));
  EXPECT_TRUE(rows_of(child.output()).empty()) << child.output();
}

}  // namespace
}  // namespace weir::test
