// Asks Weir's admin door: plain HTTP requests, and metrics by name and labels.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "support/socket.h"

namespace weir::test {

struct HttpAnswer {
  int status = 0;
  std::string body;
  std::string head;  // the lines before the body
};

// Beside a method and a path.
struct HttpAsking {
  std::string body{};  // JSON
  std::string token{};
  std::string host = "localhost";
  std::string lines{};  // further headers, each with its line end
  Millis patience = kPatience;
};

using Labels = std::map<std::string, std::string>;

// One reading of /metrics.
class Metrics {
 public:
  explicit Metrics(const std::string& text);

  // The sum of the family's samples that carry all of `labels`; throws when there is no such sample, so that
  // a misspelt name does not read as 0.
  std::uint64_t sum(const std::string& name, const Labels& labels = {}) const;
  // The same for a time, which is no whole number.
  double seconds(const std::string& name, const Labels& labels = {}) const;

 private:
  struct Sample {
    std::string name;
    Labels labels;
    std::string value;
  };
  // Calls `add` with the value of each sample that is meant.
  template <class Add>
  void each(const std::string& name, const Labels& labels, Add add) const;
  std::vector<Sample> samples_;
};

class AdminDoor {
 public:
  explicit AdminDoor(base::Address address) : address_(std::move(address)) {}

  const base::Address& address() const { return address_; }
  // Throws where no whole answer comes.
  HttpAnswer ask(const std::string& method, const std::string& path, const HttpAsking& asking) const;
  HttpAnswer ask(const std::string& method, const std::string& path, const std::string& body = "") const {
    return ask(method, path, HttpAsking{.body = body});
  }
  HttpAnswer get(const std::string& path) const { return ask("GET", path); }
  Metrics metrics() const { return Metrics(get("/metrics").body); }
  std::uint64_t sum(const std::string& name, const Labels& labels = {}) const {
    return metrics().sum(name, labels);
  }
  double seconds(const std::string& name, const Labels& labels = {}) const {
    return metrics().seconds(name, labels);
  }

 private:
  base::Address address_;
};

}  // namespace weir::test
