// Looks through Weir's admin door: plain HTTP requests, and metrics by name and labels.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "support/socket.h"

namespace weir::test {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

using Labels = std::map<std::string, std::string>;

// One reading of /metrics.
class Metrics {
 public:
  explicit Metrics(const std::string& text);

  // The sum of the family's samples that carry all of `labels`; throws when there is no such sample, so that
  // a misspelt name does not read as 0.
  std::uint64_t sum(const std::string& name, const Labels& labels = {}) const;

 private:
  struct Sample {
    std::string name;
    Labels labels;
    std::uint64_t value;
  };
  std::vector<Sample> samples_;
};

class AdminDoor {
 public:
  explicit AdminDoor(base::Address address) : address_(std::move(address)) {}

  const base::Address& address() const { return address_; }
  HttpAnswer get(const std::string& path) const;
  Metrics metrics() const { return Metrics(get("/metrics").body); }
  std::uint64_t sum(const std::string& name, const Labels& labels = {}) const {
    return metrics().sum(name, labels);
  }

 private:
  base::Address address_;
};

}  // namespace weir::test
