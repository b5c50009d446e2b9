// Who of a pool may take new sessions, and who takes the next one: the rules of a pool without its threads.
// States come from the operator, from checks and from what sessions tell; backups are used while no other
// backend is usable; panic uses all when too few are healthy. Not safe for threads: its pool calls it under
// its lock.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "balance/factory.h"
#include "base/clock.h"
#include "pool/backend.h"
#include "pool/backend_past.h"
#include "pool/ejection.h"
#include "pool/health_state.h"

namespace weir::pool {

struct RosterRules {
  balance::PolicyName policy = balance::PolicyName::kRoundRobin;
  balance::PolicyOptions policy_options;
  HealthRules health;
  EjectionRules ejection;
  std::optional<base::Millis> slow_start;
  double panic_threshold = 0;  // of backends that are healthy; below it all are used
};

// What has happened to a backend, or to the pool as a whole.
enum class Change : std::uint8_t {
  kDown,        // its checks failed
  kUp,          // its checks pass again
  kEjected,     // its sessions failed
  kPassedOver,  // the same, but no more may be ejected: used only when no other is left
  kReturned,    // the time of the ejection is over, or a connect to one that was passed over stood, or a
                // check of it passed
  kMode,        // the operator wants something else of it
  kAdded,       // it joined
  kRemoved,     // it left
  kPanicBegan,  // too few are healthy: all are used
  kPanicEnded,
  kRetriesDenied,  // sessions wanted more retries than the budget allows; told once a minute at most
};

struct PoolEvent {
  Change change = Change::kDown;
  std::shared_ptr<Backend> backend;        // none: the pool as a whole
  std::string reason;                      // in words; empty: there is no more to say
  BackendState state = BackendState::kUp;  // the backend's, after it
  std::size_t healthy = 0;                 // in the pool, after it
  std::size_t total = 0;
  std::uint64_t last_place = 0;  // that was taken in the pool before it
};

// Why there is no backend for a session.
enum class NoPick : std::uint8_t {
  kNone,    // there is one
  kFull,    // those that it could have are full
  kNobody,  // it has tried all that are usable and within its reach, if there are any
};

class Roster {
 public:
  // One that comes back within this time of having left is as it was; so many are remembered, those that
  // left last.
  static constexpr base::Millis kRemembered{600'000};
  static constexpr std::size_t kMostRemembered = 1'000;

  // What the policies of the two tiers take long to work out.
  using Groundworks = std::array<balance::Groundwork, 2>;
  using Weights = std::unordered_map<std::string, std::uint32_t>;

  // `on_event`, if there is one, is called for each event that `take_events` will tell.
  Roster(const RosterRules& rules, const std::vector<std::shared_ptr<Backend>>& backends,
         std::function<void()> on_event = {});

  // The backend for a session; the caller takes the place by `enter`. Backups come only when no other that is
  // usable and untried is left, and after them those that are passed over, in turn; one that is full is worth
  // waiting for.
  std::optional<balance::BackendIndex> choose(const balance::Request& request, NoPick& why_not);

  // Whether there is something better than one that is passed over, so that `choose` does not come to it.
  void set_has_better(bool has_better) { has_better_ = has_better; }
  // One of those, for a session for which the better has nothing; the one tried longest ago, with room.
  std::optional<balance::BackendIndex> choose_from_passed_over(const balance::Request& request);

  // Whether a place at `index`, which has just been given back, may be of use to that session.
  bool may_use(balance::BackendIndex index, const balance::Request& request) const;
  // Whether sessions go there at all.
  bool takes_sessions(balance::BackendIndex index) const {
    return members_[index].usable || (is_passed_over(index) && !has_better_);
  }

  void enter(balance::BackendIndex index);
  void leave(balance::BackendIndex index);

  // What sessions tell of a backend. True: who is usable has changed.
  bool failed(balance::BackendIndex index, Failure how, base::TimePoint now, std::string_view what);
  bool connected(balance::BackendIndex index, base::TimePoint now, base::Micros took);
  // A connect that stood has taken that long, perhaps some time ago.
  void connect_took(balance::BackendIndex index, base::Micros took);
  void served(balance::BackendIndex index);

  // What a check tells of it. True: who is usable has changed: it has come up, or gone down, by this, or is
  // no longer passed over.
  bool check_passed(balance::BackendIndex index, base::TimePoint now);
  bool check_failed(balance::BackendIndex index, std::string reason);

  // What the operator wants of it.
  void set_mode(balance::BackendIndex index, BackendMode mode, base::TimePoint now);
  // What the operator wants it to count for, until the configuration itself says something else.
  void want_weight(balance::BackendIndex index, std::uint32_t weight, base::TimePoint now,
                   const Groundworks& groundworks = {});
  // By name, of those that count for something else than the configuration says; and than their identity
  // does.
  Weights wanted_weights() const;
  Weights changed_weights() const;

  // Ends ejections and lets slow starts grow. To be called a few times a second. True: who is usable has
  // changed.
  bool advance(base::TimePoint now);

  // The backends that the pool should have, in the order in which `first` takes them. Those that it has
  // already keep their state; those that are not among them take no new sessions and leave with their last
  // one. One that comes back after that and within `kRemembered` is what it was: its counters go on, it is up
  // without a slow start if it was up, down if it was down, and ejected until its time is over. Two that have
  // the same name and address are the same, and then weight, maximum, tier and why there is no address are
  // from now on those of the newer. Policies go on where they were; nothing is made anew when nothing has
  // changed. `groundworks`: see `prepare`.
  void replace(const std::vector<std::shared_ptr<Backend>>& backends, base::TimePoint now,
               const Groundworks& groundworks = {});

  // The same with other rules from now on. Who is up, down or ejected stays so, as far as the new rules know
  // of such a thing: without checks all are up, without ejections none is out.
  void change(const RosterRules& rules, const std::vector<std::shared_ptr<Backend>>& backends,
              base::TimePoint now, const Groundworks& groundworks = {});

  // The groundworks for a `replace` by these backends, which may take many milliseconds: those of `before`
  // where they fit. Without them, `replace` makes its own. `weights` count instead of those of the
  // identities.
  static Groundworks prepare(const RosterRules& rules, const std::vector<std::shared_ptr<Backend>>& backends,
                             const Groundworks& before, const Weights& weights = {});
  // Those in use.
  const Groundworks& groundworks() const { return groundworks_; }

  // How each of them stands, for a pool of another process.
  std::vector<BackendPast> past(base::TimePoint now) const;
  // Goes on from that, each backend by its name and address, as far as these rules know of such a thing. One
  // that is not there is not remembered. Before anybody is served.
  void go_on_from(const std::vector<BackendPast>& past, base::TimePoint now);

  BackendState state(balance::BackendIndex index) const;
  // It is up, but its connects fail and no more may be ejected: used only when no other is left.
  bool is_passed_over(balance::BackendIndex index) const { return states_[index].is_in_passed_over; }
  // Why it is not up, is passed over, or has not its whole weight; empty when none of it.
  std::string reason(balance::BackendIndex index) const;
  bool is_changing(balance::BackendIndex index) const { return states_[index].health.changing(); }
  const balance::Member& member(balance::BackendIndex index) const { return members_[index]; }
  // Of each position; none where nothing stands. Those that have left stay until their last session has.
  // `in_order` tells the order of the list that they came in.
  const std::vector<std::shared_ptr<Backend>>& backends() const { return backends_; }
  // The positions where one stands, in the order of the list of `replace`, and after them those that have
  // left.
  std::vector<balance::BackendIndex> in_order() const;
  bool has_left(balance::BackendIndex index) const { return states_[index].has_left; }
  // What it counts for now, slow start aside, and whether it is a backup.
  std::uint32_t weight(balance::BackendIndex index) const { return states_[index].weight; }
  bool is_backup(balance::BackendIndex index) const { return states_[index].is_backup; }
  // The part of its weight that it has now: below 1 during a slow start.
  double weight_ratio(balance::BackendIndex index) const;
  // A running mean of what connects that stood have taken, in microseconds; 0: none has stood since it came.
  std::uint32_t connect_time(balance::BackendIndex index) const { return states_[index].connect_time; }
  std::optional<balance::BackendIndex> find(const Backend& backend) const;

  bool in_panic() const { return panic_; }
  // Backends that belong to the pool, and those of them that are up and not passed over.
  std::size_t total() const { return total_; }
  std::size_t healthy() const { return healthy_; }
  // A slow start or an ejection is under way, so `advance` has something to do.
  bool is_waiting() const;

  // How many places were taken so far: the number of the last one.
  std::uint64_t last_place() const { return last_place_; }

  // What has happened to the pool as a whole, and how it stands.
  PoolEvent pool_event(Change change, std::string reason) const;
  // What has happened since the last call.
  std::vector<PoolEvent> take_events() { return std::exchange(events_, {}); }

 private:
  struct State {
    explicit State(const HealthRules& rules) : health(rules) {}
    BackendMode mode = BackendMode::kUp;
    // As its identity says at first; `replace` may say something else.
    BackendMode configured_mode = BackendMode::kUp;  // the operator may want another one meanwhile
    std::uint32_t weight = 1;
    std::uint32_t configured_weight = 1;  // the same of this
    bool is_backup = false;
    std::string unresolved;
    HealthState health;
    Ejection ejection;
    bool is_ejected = false;  // while it is out; otherwise it is passed over
    std::string ejected_for;
    std::optional<base::TimePoint> ramping_since;
    std::uint32_t connect_time = 0;  // see `connect_time` above
    std::size_t order = 0;           // in the list of those that the pool should have
    bool has_left = false;
    base::TimePoint left_at;  // meaningful when it has
    // Whether it is in the sums below.
    bool is_wanted = false;
    bool is_healthy = false;
    bool is_healthy_backup = false;
    bool is_in_ejected = false;
    bool is_in_passed_over = false;
  };

  struct Tier {
    std::unique_ptr<balance::Policy> policy;
    balance::PolicyName made_as = balance::PolicyName::kRoundRobin;
    std::size_t usable = 0;
    bool is_stale = true;  // its policy has yet to be told of who is usable, or of their weights
  };

  // One that has left the pool, without sessions, and how it was.
  struct Past {
    std::shared_ptr<Backend> backend;
    State state;
    balance::Member member;
  };

  // What an exchange of the backends has come to, by their positions.
  struct Exchange {
    std::vector<balance::BackendIndex> joined;
    std::vector<balance::BackendIndex> back;  // of these, those that had left
    std::vector<balance::BackendIndex> gone;
    std::vector<balance::BackendIndex> told_otherwise;  // have another mode
    bool is_other = false;                              // one that stays counts otherwise

    bool is_any() const { return is_other || !joined.empty() || !gone.empty() || !told_otherwise.empty(); }
  };

  struct Freed {
    balance::BackendIndex index = 0;
    Change change = Change::kUp;
  };

  // Returns its position, a free one or a new one.
  balance::BackendIndex put(Past&& its);
  Past as_new(const std::shared_ptr<Backend>& backend) const;
  void vacate(balance::BackendIndex index);
  // Takes over what a newer form of the same backend says. True: it says something else.
  bool adjust(balance::BackendIndex index, const BackendIdentity& newer, base::TimePoint now);
  void make_tiers(const Groundworks& groundworks);
  // Who belongs to it from now on; its policies and sums are as before until `settle`.
  Exchange exchange(const std::vector<std::shared_ptr<Backend>>& backends, base::TimePoint now);
  void settle(const Exchange& done, const std::vector<Freed>& freed, base::TimePoint now,
              const Groundworks& groundworks);
  // Who is up or no longer out since the new rules know of no such thing.
  std::vector<Freed> take_rules(const RosterRules& rules, base::TimePoint now);
  std::optional<Change> take_rules(State& its) const;
  // True: it has another one now.
  bool take_mode(balance::BackendIndex index, BackendMode mode, base::TimePoint now);
  Tier& tier_of(balance::BackendIndex index) { return tiers_[is_backup(index) ? 1 : 0]; }
  bool wants_sessions(balance::BackendIndex index) const;
  bool is_too_few_healthy() const;
  // Of those that are usable there is one left for it.
  bool has_one_for(const balance::Request& request, const Tier& tier) const;
  BackendPast past_of(balance::BackendIndex index, base::TimePoint now) const;
  void go_on_from(balance::BackendIndex index, const BackendPast& past, base::TimePoint now);
  // As many as may be out at once.
  double most_ejected() const;
  void eject(balance::BackendIndex index, base::TimePoint now, std::string_view what);
  // Where fewer may be ejected by now, since the pool has shrunk, the next to return do so.
  void keep_to_most_ejected(base::TimePoint now);
  std::optional<balance::BackendIndex> choose_passed_over(const balance::Request& request, NoPick& why_not);
  std::optional<balance::BackendIndex> next_passed_over(const balance::Request& request, NoPick& why_not);
  // What a connect took, or counts as, for the policy.
  void note_time(balance::BackendIndex index, base::Micros took);
  // Ends its ejection, or that it is passed over, if its time is over. True: it was.
  bool end_ejection(balance::BackendIndex index, base::TimePoint now);
  void came_up(balance::BackendIndex index, base::TimePoint now);
  void come_back(balance::BackendIndex index, base::TimePoint now);
  void stop_ramp(balance::BackendIndex index);
  void take_back(balance::BackendIndex index, base::TimePoint now, std::string why);
  void set_weight(balance::BackendIndex index, std::uint32_t weight);
  // As its weight and its slow start say.
  void update_weight(balance::BackendIndex index, base::TimePoint now);
  // Works out anew how a backend, or each, counts and who is usable. Policies are told when they are asked
  // next: a change costs no more for a large pool, and many at once are told once.
  void refresh(balance::BackendIndex index);
  void refresh_all();
  void count(balance::BackendIndex index);
  void update_usable(balance::BackendIndex index);
  void update_all_usable();
  void tell_load(balance::BackendIndex index);
  void tell(Change change, balance::BackendIndex index, std::string reason);
  void tell_panic();
  void add_event(PoolEvent event);

  RosterRules rules_;
  const std::function<void()> on_event_;
  std::vector<std::shared_ptr<Backend>> backends_;
  std::vector<balance::Member> members_;
  std::vector<State> states_;
  std::unordered_map<const Backend*, balance::BackendIndex> positions_;
  std::vector<balance::BackendIndex> free_;  // positions where nothing stands
  std::deque<Past> departed_;                // whose last session went longest ago in front
  std::array<Tier, 2> tiers_;                // those that are always used, and the backups
  Groundworks groundworks_;
  std::uint64_t last_place_ = 0;
  std::size_t total_ = 0;
  std::size_t wanted_ = 0;  // those that sessions would go to if they were up
  std::size_t healthy_ = 0;
  std::size_t healthy_backups_ = 0;  // of these
  std::size_t ejected_ = 0;
  std::vector<balance::BackendIndex> passed_over_;  // the one tried longest ago first
  bool has_better_ = false;
  bool panic_ = false;
  bool panic_told_ = false;
  std::vector<PoolEvent> events_;
};

}  // namespace weir::pool
