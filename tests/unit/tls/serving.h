// A folder with certificates, and the contexts of a server that has them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tls/server_contexts.h"
#include "unit/tls/handshake.h"

namespace weir::tls {

class Serving : public testing::Test {
 protected:
  using TestCertificate = test::TestCertificate;

  // A certificate of the authority, which is served from now on.
  TestCertificate serve_one_like(const test::CertificateSpec& spec) {
    TestCertificate made = ca.issue(spec);
    serve_with(made, {ca});
    return made;
  }
  void serve_with(const TestCertificate& leaf, const std::vector<TestCertificate>& chain) {
    const auto paths = test::write_certificate(
        folder.path(), "cert" + std::to_string(settings.certificates.size()), leaf, chain);
    settings.certificates.push_back({paths.chain, paths.key});
  }
  TestCertificate serve(std::vector<std::string> names, test::KeyKind kind = test::KeyKind::kEcP256) {
    return serve_one_like(test::server_spec(std::move(names), kind));
  }

  std::string write(std::string_view name, std::string_view text) {
    return test::write_file(folder.path(), name, text);
  }

  // The contexts; fails the test where there are errors. Warnings are kept.
  std::shared_ptr<const ServerContexts> load() {
    auto loaded = ServerContexts::load(settings, keys);
    for (const std::string& error : loaded.errors) ADD_FAILURE() << error;
    warnings = loaded.warnings;
    return loaded.contexts;
  }
  std::vector<std::string> errors() {
    auto loaded = ServerContexts::load(settings, keys);
    EXPECT_EQ(loaded.contexts == nullptr, !loaded.errors.empty());
    return loaded.errors;
  }

  const test::TempFolder folder;
  const TestCertificate ca = TestCertificate::authority();
  ServerSettings settings;
  std::shared_ptr<TicketKeys> keys = TicketKeys::random();
  std::vector<std::string> warnings;
};

}  // namespace weir::tls
