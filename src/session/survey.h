// A look over the open sessions of all workers: which of them an operator asks for, what is gathered on each
// worker, and the one answer that is made of it. Each worker walks over its own sessions in small steps
// (`SurveyWalk`), so that nobody waits for it; the last one to let go of the survey brings the answer. A
// session that is to be closed is looked for in the same way.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "balance/random.h"
#include "base/prefix.h"
#include "session/session_filter.h"
#include "session/session_table.h"
#include "session/session_view.h"

namespace weir::session {

enum class SurveyKind : std::uint8_t {
  kById,      // sessions, in the order of their ids
  kByBytes,   // sessions, those that have moved most in front
  kByClient,  // sums by client's address, those with most sessions in front
  kOne,       // everything about the one session whose id is `filter.after`
  kClose,     // that one is closed; it is the one that matches
};

struct SurveyRequest {
  SurveyKind kind = SurveyKind::kById;
  SessionFilter filter;
  std::size_t limit = 100;  // entries of the answer
};

// What one worker has found: raw, so that nothing of it is worked out on a worker.
struct SurveyPart {
  struct Address {
    base::IpBits bits;  // of a unix socket all are one
    friend bool operator==(const Address&, const Address&) = default;
  };
  struct HashOfAddress {
    std::size_t operator()(const Address& address) const {
      return std::hash<std::uint64_t>()(address.bits.high * balance::kGolden ^ address.bits.low);
    }
  };

  std::uint64_t matching = 0;
  std::vector<SessionView> sessions;
  std::unordered_map<Address, ClientSum, HashOfAddress> clients;
  std::optional<SessionDetail> one;
};

struct SurveyParts {
  SurveyRequest request;
  std::vector<SurveyPart> parts;  // of each worker that took part
  bool is_whole = true;           // all did
};

struct SurveyFindings {
  std::uint64_t matching = 0;  // sessions, those beyond the limit among them
  std::vector<SessionView> sessions;
  std::vector<ClientSum> clients;
  std::uint64_t distinct_clients = 0;
  std::optional<SessionDetail> one;
};

// Puts the parts together. Takes its time.
SurveyFindings findings_of(SurveyParts&& parts);

class Survey {
 public:
  using Done = std::function<void(SurveyParts&&)>;

  // `done` is called once, by whoever lets go last: any thread, workers among them. It must not wait.
  Survey(SurveyRequest request, Done done) : parts_{std::move(request), {}}, done_(std::move(done)) {}
  ~Survey() { done_(std::move(parts_)); }
  Survey(const Survey&) = delete;
  Survey& operator=(const Survey&) = delete;

  const SurveyRequest& request() const { return parts_.request; }

  // Any thread.
  void add(SurveyPart&& part) {
    const std::lock_guard lock(mutex_);
    parts_.parts.push_back(std::move(part));
  }
  // A worker has no time for it. Any thread.
  void leave_out() {
    const std::lock_guard lock(mutex_);
    parts_.is_whole = false;
  }

 private:
  SurveyParts parts_;
  const Done done_;
  std::mutex mutex_;
};

// A worker's part in a survey. On its thread.
class SurveyWalk {
 public:
  // Sessions that are looked at in a step: so few that it takes some ten microseconds, or some hundred where
  // each is shown.
  static constexpr std::size_t kStep = 256;

  SurveyWalk(std::shared_ptr<Survey> survey, SessionTable& table, std::size_t worker);

  // Looks at the next `kStep` sessions. True: that was all, and the survey has it.
  bool step();

 private:
  void take(Session& session, base::TimePoint now);
  // The one that is sought.
  void take_one(Session& session);
  // Among those that have moved most, if it is one of them.
  void take_by_bytes(const Session& session);

  const std::shared_ptr<Survey> survey_;
  SessionTable::Walk walk_;
  const std::size_t worker_;
  SurveyPart part_;
};

}  // namespace weir::session
