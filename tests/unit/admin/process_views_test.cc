#include "admin/process_views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::admin {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string text_of(const server::ProcessFacts& facts) {
  metrics::TextFormat out;
  process_facts_metrics(out, facts);
  return out.text();
}

TEST(ProcessFactsMetrics, LeaveOutWhatCouldNotBeRead) {
  server::ProcessFacts facts;
  facts.most_descriptors = 1'024;
  const std::string text = text_of(facts);
  for (const char* name :
       {"process_open_fds", "process_resident_memory_bytes", "process_start_time_seconds"}) {
    EXPECT_THAT(text, Not(HasSubstr(name)));
  }
  EXPECT_THAT(text, HasSubstr("process_max_fds 1024\n"));
  EXPECT_THAT(text, HasSubstr("process_cpu_seconds_total 0\n"));
  facts.open_descriptors = 0;
  EXPECT_THAT(text_of(facts), HasSubstr("process_open_fds 0\n"));
}

TEST(ProcessFactsMetrics, NameTheVersionAsALabel) {
  EXPECT_THAT(text_of({}), testing::ContainsRegex("weir_build_info\\{version=\"[0-9.]+\"\\} 1\n"));
}

TEST(WorkerMetrics, OfNoWorkerHaveNoSample) {
  metrics::TextFormat out;
  worker_metrics(out, {});
  EXPECT_THAT(out.text(), Not(HasSubstr("worker=\"")));
}

}  // namespace
}  // namespace weir::admin
