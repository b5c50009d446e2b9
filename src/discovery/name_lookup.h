// One name asked for by one or several types at once, through the search list: the first of its full names
// that has a record of them decides, and all types are asked of that one, so that addresses of two hosts
// never mix. One use: made, started, done. On the loop's thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "net/dns_channel.h"
#include "wire/dns_answer.h"

namespace weir::discovery {

class NameLookup {
 public:
  enum class State {
    kAsking,
    kFound,   // at least one type has records
    kEmpty,   // the name exists, but has no record of the types
    kNoName,  // NXDOMAIN
    kFailed,  // at least one type could not be asked for, and no other has records
  };

  // `done` is called once, when nothing is out any more; it may destroy nothing of this.
  NameLookup(net::DnsChannel& channel, std::string name, const std::vector<wire::DnsType>& types,
             std::function<void()> done);

  NameLookup(const NameLookup&) = delete;
  NameLookup& operator=(const NameLookup&) = delete;

  void start();

  State state() const { return state_; }

  // The answers with records; valid once found.
  std::vector<const wire::DnsAnswer*> answers() const;

  // The types that could not be asked for.
  std::vector<wire::DnsType> failed_types() const;

  // Why, in words; of the first that failed.
  std::string reason() const;

 private:
  struct Part {
    wire::DnsType type;
    State state = State::kAsking;
    wire::DnsAnswer answer;
    std::string reason;
    net::DnsQuestion question;
  };

  void ask_next();
  void on_reply(Part& part, base::Result<std::string> reply);
  void judge();
  bool any(State state) const;

  net::DnsChannel& channel_;
  const std::string name_;
  const std::function<void()> done_;
  std::vector<std::string> names_;  // to try
  std::size_t tried_ = 0;
  bool exists_ = false;  // some name of those tried did, without records
  State state_ = State::kAsking;
  std::vector<Part> parts_;
};

}  // namespace weir::discovery
