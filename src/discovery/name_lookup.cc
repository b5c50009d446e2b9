#include "discovery/name_lookup.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"

namespace weir::discovery {
namespace {

using wire::DnsAnswer;
using State = NameLookup::State;

constexpr int kNxDomain = 3;

}  // namespace

NameLookup::NameLookup(net::DnsChannel& channel, std::string name, const std::vector<wire::DnsType>& types,
                       std::function<void()> done)
    : channel_(channel), name_(std::move(name)), done_(std::move(done)) {
  for (const wire::DnsType type : types) {
    parts_.emplace_back();
    parts_.back().type = type;
  }
}

void NameLookup::start() {
  names_ = channel_.search_names(name_);
  WEIR_ASSERT(!names_.empty() && !parts_.empty());
  ask_next();
}

void NameLookup::ask_next() {
  const std::string& name = names_[tried_++];
  for (Part& part : parts_) {
    part.state = State::kAsking;
    part.question = channel_.query(name, part.type, [this, &part](base::Result<std::string> reply) {
      on_reply(part, std::move(reply));
    });
  }
}

void NameLookup::on_reply(Part& part, base::Result<std::string> reply) {
  auto answer = reply ? wire::parse_dns_answer(*reply)
                      : base::Result<DnsAnswer>(base::failure(std::move(reply).error()));
  if (!answer) {
    part.state = State::kFailed;
    part.reason = answer.error().message();
  } else if (answer->rcode != 0 && answer->rcode != kNxDomain) {
    // Others than those that the channel takes for failures itself.
    part.state = State::kFailed;
    part.reason = fmt::format("the name server answered with the error {} (RCODE)", answer->rcode);
  } else if (!answer->addresses.empty() || !answer->services.empty()) {
    part.state = State::kFound;
    part.answer = *std::move(answer);
  } else {
    part.state = answer->rcode == kNxDomain ? State::kNoName : State::kEmpty;
  }
  if (!any(State::kAsking)) judge();
}

void NameLookup::judge() {
  if (any(State::kFound)) {
    state_ = State::kFound;
  } else if (any(State::kFailed) && !any(State::kNoName)) {
    // Not the next of the search list: a name there may be another host's.
    state_ = State::kFailed;
  } else {
    exists_ = exists_ || !any(State::kNoName);
    if (tried_ < names_.size()) return ask_next();
    state_ = exists_ ? State::kEmpty : State::kNoName;
  }
  done_();
}

bool NameLookup::any(State state) const {
  return std::any_of(parts_.begin(), parts_.end(), [&](const Part& part) { return part.state == state; });
}

std::vector<const DnsAnswer*> NameLookup::answers() const {
  std::vector<const DnsAnswer*> found;
  for (const Part& part : parts_) {
    if (part.state == State::kFound) found.push_back(&part.answer);
  }
  return found;
}

std::vector<wire::DnsType> NameLookup::failed_types() const {
  std::vector<wire::DnsType> failed;
  for (const Part& part : parts_) {
    if (part.state == State::kFailed) failed.push_back(part.type);
  }
  return failed;
}

std::string NameLookup::reason() const {
  const auto failed = std::find_if(parts_.begin(), parts_.end(),
                                   [](const Part& part) { return part.state == State::kFailed; });
  return failed == parts_.end() ? "" : failed->reason;
}

}  // namespace weir::discovery
