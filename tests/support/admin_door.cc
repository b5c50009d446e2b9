#include "support/admin_door.h"

#include <cstdlib>
#include <sstream>

namespace weir::test {
namespace {

// {a="x",b="y"}; no label of Weir's holds a quote or a comma in a test.
Labels parse_labels(std::string_view text) {
  Labels labels;
  while (!text.empty()) {
    const std::size_t equals = text.find("=\"");
    const std::size_t end = text.find('"', equals + 2);
    if (equals == std::string_view::npos || end == std::string_view::npos) break;
    labels[std::string(text.substr(0, equals))] = std::string(text.substr(equals + 2, end - equals - 2));
    text.remove_prefix(std::min(text.size(), end + 2));
  }
  return labels;
}

}  // namespace

Metrics::Metrics(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::size_t space = line.rfind(' ');
    const std::string series = line.substr(0, space);
    const std::size_t brace = series.find('{');
    Sample sample;
    sample.name = series.substr(0, brace);
    if (brace != std::string::npos) {
      sample.labels = parse_labels(std::string_view(series).substr(brace + 1, series.size() - brace - 2));
    }
    sample.value = line.substr(space + 1);
    samples_.push_back(std::move(sample));
  }
}

template <class Add>
void Metrics::each(const std::string& name, const Labels& labels, Add add) const {
  bool found = false;
  for (const Sample& sample : samples_) {
    bool matches = sample.name == name;
    for (const auto& [key, value] : labels) {
      const auto at = sample.labels.find(key);
      matches = matches && at != sample.labels.end() && at->second == value;
    }
    if (!matches) continue;
    found = true;
    add(sample.value);
  }
  if (!found) throw std::runtime_error("no sample of " + name);
}

std::uint64_t Metrics::sum(const std::string& name, const Labels& labels) const {
  std::uint64_t total = 0;
  each(name, labels, [&](const std::string& value) { total += std::strtoull(value.c_str(), nullptr, 10); });
  return total;
}

double Metrics::seconds(const std::string& name, const Labels& labels) const {
  double total = 0;
  each(name, labels, [&](const std::string& value) { total += std::strtod(value.c_str(), nullptr); });
  return total;
}

HttpAnswer AdminDoor::ask(const std::string& method, const std::string& path,
                          const HttpAsking& asking) const {
  Socket socket = Socket::connect(address_);
  std::string request =
      method + " " + path + " HTTP/1.1\r\nHost: " + asking.host + "\r\nConnection: close\r\n";
  if (!asking.token.empty()) request += "Authorization: Bearer " + asking.token + "\r\n";
  request += asking.lines;
  if (!asking.body.empty()) {
    request +=
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(asking.body.size()) + "\r\n";
  }
  socket.send_all(request + "\r\n" + asking.body);
  const Received received = socket.receive_until_end(asking.patience);
  const std::size_t body = received.bytes.find("\r\n\r\n");
  if (received.ended != Ended::kEndOfStream || !received.bytes.starts_with("HTTP/1.1 ") ||
      body == std::string::npos) {
    throw std::runtime_error("no HTTP answer from the admin door: " + received.bytes);
  }
  return {std::atoi(received.bytes.c_str() + 9), received.bytes.substr(body + 4),
          received.bytes.substr(0, body + 2)};
}

}  // namespace weir::test
