#include "admin/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::admin {
namespace {

using testing::HasSubstr;

class Source final : public server::StatusSource {
 public:
  server::ProcessStatus read_status() const override { return status; }
  server::ProcessStatus status;
};

TEST(Answer, ShowsEachPathWithItsType) {
  const Source source;
  const HttpResponse metrics = answer({"GET", "/metrics"}, source);
  EXPECT_EQ(metrics.status, 200);
  EXPECT_EQ(metrics.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(metrics.body, HasSubstr("weir_process_connections 0\n"));
  const HttpResponse backends = answer({"GET", "/v1/backends"}, source);
  EXPECT_EQ(backends.status, 200);
  EXPECT_EQ(backends.content_type, "application/json");
  EXPECT_THAT(backends.body, HasSubstr("\"pools\""));
}

TEST(Answer, IsReadyUntilItDrains) {
  Source source;
  EXPECT_EQ(answer({"GET", "/ready"}, source).status, 200);
  EXPECT_EQ(answer({"GET", "/ready"}, source).body, "ready\n");
  source.status.draining = true;
  EXPECT_EQ(answer({"GET", "/ready"}, source).status, 503);
  EXPECT_EQ(answer({"GET", "/ready"}, source).body, "draining\n");
}

TEST(Answer, NamesThePathsThereAreToAnUnknownOne) {
  const Source source;
  for (const char* path : {"/", "", "/metrics/", "/Metrics", "/v1/backends/x", "//metrics"}) {
    const HttpResponse response = answer({"GET", path}, source);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(response.body,
              "no such path; there are:\n  /metrics\n  /v1/backends\n  /v1/refusals\n  /ready\n");
  }
}

TEST(Answer, AllowsOnlyReading) {
  const Source source;
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "OTHER", "get"}) {
    const HttpResponse response = answer({method, "/metrics"}, source);
    EXPECT_EQ(response.status, 405) << method;
    EXPECT_EQ(response.allow, "GET, HEAD");
  }
  EXPECT_EQ(answer({"POST", "/nothing"}, source).status, 404);
  EXPECT_EQ(answer({"HEAD", "/metrics"}, source).status, 200);
}

}  // namespace
}  // namespace weir::admin
