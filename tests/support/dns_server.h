// A name server of a test's own: UDP and TCP on one loopback port, on a thread of its own. It answers what it
// was told to, as badly as it was told to, and counts what it was asked. Names that it was told nothing of do
// not exist; those that it knows by another type have no data. May be told anew at any time, from any thread.
// What is wrong is thrown as a std::runtime_error.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "support/dns_message.h"

namespace weir::test {

class DnsServer {
 public:
  enum class Mood {
    kAnswers,
    kSilent,     // takes the question and says nothing
    kNoisy,      // first bytes that are no message, an answer with a wrong id and one to another question
    kOnlyNoise,  // and nothing else
    kTruncates,  // by UDP only an empty answer with TC; by TCP the whole
  };

  struct Answer {
    std::vector<DnsRecord> records;
    std::vector<DnsRecord> authority;
    std::vector<DnsRecord> additional;
    std::uint16_t rcode = kDnsNoError;
    Mood mood = Mood::kAnswers;
    std::chrono::milliseconds delay{0};
  };

  // On a free port of `ip`, or on `port` of it, which must be free for both UDP and TCP.
  explicit DnsServer(const std::string& ip = "127.0.0.1", std::uint16_t port = 0);
  ~DnsServer();
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  const base::Address& address() const { return address_; }

  // What questions for `name` and `type` get from now on.
  void set(const std::string& name, std::uint16_t type, Answer answer);

  // The usual answers: addresses of both families by their look, each record with `ttl` seconds; a family of
  // which there is none has no data.
  void set_addresses(const std::string& name, std::uint32_t ttl, const std::vector<std::string>& ips);

  // Both address types of `name` get `answer`.
  void set_both(const std::string& name, const Answer& answer);

  // What all names get, known ones too, until `set_all` is called with nothing.
  void set_all(std::unique_ptr<Answer> answer);

  // Forgets `name`: it does not exist any more.
  void remove(const std::string& name);

  // How often `name` was asked for by that type; every type and name; by TCP.
  std::size_t questions(const std::string& name, std::uint16_t type) const;
  std::size_t questions() const;
  std::size_t tcp_questions() const;

 private:
  class Worker;
  std::unique_ptr<Worker> worker_;
  base::Address address_;
};

}  // namespace weir::test
