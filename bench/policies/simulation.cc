#include "policies/simulation.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <random>
#include <vector>

#include "balance/random.h"

namespace weir::policies {
namespace {

using balance::BackendIndex;
using balance::Member;

// The standard deviation of a logarithm: one session in a hundred takes 14 times the mean.
constexpr double kSigma = 2;
// Of a backend that is not slow: the mean in microseconds, and how much of a new sample is taken.
constexpr double kConnectTime = 500;
constexpr double kNewSample = 1.0 / 8;

struct Session {
  double arrival;
  double service;
  double connect_time;
  std::uint64_t key;
  bool counts;
};

// What happens to clients whatever the policy is.
class Clients {
 public:
  Clients(const Scenario& scenario, const Load& load)
      : service_(scenario.service), random_(load.seed), gap_(load.use * load.backends * load.places) {
    std::vector<double> shares(load.clients);
    for (std::size_t i = 0; i < shares.size(); ++i) shares[i] = 1 / std::sqrt(static_cast<double>(i + 1));
    client_ = std::discrete_distribution<std::uint64_t>(shares.begin(), shares.end());
  }

  Session next() {
    now_ += gap_(random_);
    const double service = service_ == Service::kExponential ? exponential_(random_) : lognormal_(random_);
    const double connect_time = kConnectTime * exponential_(random_);
    // Spread by the golden ratio's multiples and mixed, as a hash of an address would be.
    return {now_, service, connect_time, balance::mix((client_(random_) + 1) * balance::kGolden), false};
  }

 private:
  const Service service_;
  std::mt19937_64 random_;
  double now_ = 0;
  std::exponential_distribution<> gap_;
  std::exponential_distribution<> exponential_{1};
  std::lognormal_distribution<> lognormal_{-kSigma * kSigma / 2, kSigma};
  std::discrete_distribution<std::uint64_t> client_;
};

struct Departure {
  double time;
  BackendIndex backend;
  bool operator>(const Departure& other) const { return time > other.time; }
};

struct Backend {
  double slowness = 1;
  std::uint32_t served = 0;
  std::deque<Session> waiting{};
};

class Simulation {
 public:
  Simulation(const Scenario& scenario, const Contender& contender, const Load& load)
      : load_(load), members_(load.backends), backends_(load.backends) {
    std::vector<balance::Candidate> candidates;
    for (BackendIndex i = 0; i < load.backends; ++i) {
      candidates.push_back({i, 1, "backend-" + std::to_string(i)});
      members_[i] = {.most = contender.most, .usable = true};
    }
    backends_[0].slowness = scenario.slowness;
    policy_ = balance::make_policy(contender.policy, candidates,
                                   {.seed = load.seed, .hash_balance = contender.hash_balance});
    policy_->members_changed(members_);
  }

  void arrive(const Session& session) {
    while (!departures_.empty() && departures_.top().time <= session.arrival) depart();
    now_ = session.arrival;
    if (session.counts) look();
    queue_.push_back(session);
    admit();
  }

  Outcome outcome() {
    while (!departures_.empty()) depart();
    std::sort(waits_.begin(), waits_.end());
    double sum = 0;
    for (const double wait : waits_) sum += wait;
    return {.most_over_mean = imbalance_ / static_cast<double>(looks_),
            .mean_wait = sum / static_cast<double>(waits_.size()),
            .p99_wait = waits_[waits_.size() * 99 / 100]};
  }

 private:
  void look() {
    std::uint32_t most = 0;
    double sum = 0;
    for (const Member& member : members_) {
      most = std::max(most, member.in_flight);
      sum += member.in_flight;
    }
    if (most == 0) return;
    imbalance_ += most * static_cast<double>(members_.size()) / sum;
    ++looks_;
  }

  // Those who came first, as far as the policy finds a backend for them.
  void admit() {
    while (!queue_.empty()) {
      const auto picked = policy_->pick(members_, {queue_.front().key, kNothingTried});
      if (!picked) return;
      const Session session = queue_.front();
      queue_.pop_front();
      Member& member = members_[*picked];
      Backend& backend = backends_[*picked];
      ++member.in_flight;
      const double sample = session.connect_time * backend.slowness;
      const double mean = member.connect_time == 0 ? sample : member.connect_time;
      member.connect_time = static_cast<std::uint32_t>(std::max(1.0, mean + (sample - mean) * kNewSample));
      policy_->load_changed(members_, *picked);
      if (backend.served < load_.places) {
        serve(*picked, session);
      } else {
        backend.waiting.push_back(session);
      }
    }
  }

  void serve(BackendIndex index, const Session& session) {
    ++backends_[index].served;
    if (session.counts) waits_.push_back(now_ - session.arrival);
    departures_.push({now_ + session.service * backends_[index].slowness, index});
  }

  void depart() {
    now_ = departures_.top().time;
    const BackendIndex index = departures_.top().backend;
    departures_.pop();
    Backend& backend = backends_[index];
    --backend.served;
    --members_[index].in_flight;
    policy_->load_changed(members_, index);
    if (!backend.waiting.empty()) {
      const Session next = backend.waiting.front();
      backend.waiting.pop_front();
      serve(index, next);
    }
    admit();
  }

  static inline const balance::Tried kNothingTried{};

  const Load load_;
  std::vector<Member> members_;
  std::vector<Backend> backends_;
  std::unique_ptr<balance::Policy> policy_;
  double now_ = 0;
  std::priority_queue<Departure, std::vector<Departure>, std::greater<>> departures_;
  std::deque<Session> queue_;  // of the pool, while all are at their maximum
  std::vector<double> waits_;
  double imbalance_ = 0;
  std::uint64_t looks_ = 0;
};

}  // namespace

Outcome simulate(const Scenario& scenario, const Contender& contender, const Load& load) {
  Clients clients(scenario, load);
  Simulation simulation(scenario, contender, load);
  for (std::uint64_t i = 0; i < load.sessions; ++i) {
    Session session = clients.next();
    session.counts = i >= load.sessions / 10;
    simulation.arrive(session);
  }
  return simulation.outcome();
}

}  // namespace weir::policies
