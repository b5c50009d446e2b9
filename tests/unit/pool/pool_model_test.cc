// The pool's places and its queue against a plain model, over long random runs: seeded, so that a failure
// comes again.
#include <gtest/gtest.h>

#include <condition_variable>
#include <list>
#include <random>
#include <thread>

#include "unit/pool/backends.h"
#include "unit/pool/waiting.h"

namespace weir::pool {
namespace {

using balance::BackendIndex;
using balance::PolicyName;
using balance::Tried;

struct Case {
  const char* name;
  PolicyName policy;
  std::optional<double> hash_balance = std::nullopt;
  double panic_threshold = 0;
  // Backends come and go. Their positions are given to others then, so that sessions of these runs make one
  // attempt.
  bool replaces = false;
};

constexpr Case kCases[] = {
    {.name = "RoundRobin", .policy = PolicyName::kRoundRobin},
    {.name = "LeastConnections", .policy = PolicyName::kLeastConnections},
    {.name = "RandomTwo", .policy = PolicyName::kRandomTwo},
    {.name = "Fastest", .policy = PolicyName::kFastest},
    {.name = "SourceHash", .policy = PolicyName::kSourceHash},
    {.name = "BoundedSourceHash", .policy = PolicyName::kSourceHash, .hash_balance = 1.25},
    {.name = "First", .policy = PolicyName::kFirst},
    {.name = "RoundRobinInPanic", .policy = PolicyName::kRoundRobin, .panic_threshold = 0.5},
    {.name = "RoundRobinOfChangingBackends", .policy = PolicyName::kRoundRobin, .replaces = true},
    {.name = "LeastConnectionsOfChangingBackends",
     .policy = PolicyName::kLeastConnections,
     .panic_threshold = 0.3,
     .replaces = true},
    {.name = "BoundedSourceHashOfChangingBackends",
     .policy = PolicyName::kSourceHash,
     .hash_balance = 1.5,
     .replaces = true},
};

PoolSettings settings_of(const Case& c) {
  PoolSettings settings;
  settings.name = c.name;
  settings.roster.policy = c.policy;
  settings.roster.policy_options = {.seed = 5, .hash_balance = c.hash_balance};
  settings.roster.health = {.is_checked = true, .rise = 1, .fall = 1};
  settings.roster.ejection = {
      .consecutive_failures = 2, .eject_time = base::Millis(4'000), .max_ejected = 0.4};
  settings.roster.slow_start = base::Millis(5'000);
  settings.roster.panic_threshold = c.panic_threshold;
  settings.queue_length = 12;
  return settings;
}

Backends backends_of_run() {
  return {backend("a", {.most_sessions = 1}),
          backend("b", {.weight = 3, .most_sessions = 2}),
          backend("c", {.most_sessions = 3}),
          backend("d", {.weight = 2, .most_sessions = 2}),
          backend("e", {.most_sessions = 1, .is_backup = true}),
          backend("f", {.most_sessions = 2, .is_backup = true})};
}

// One run. The model holds who has places, who waits and in which order; how backends stand it takes from the
// pool, whose own tests show that to be right.
class Simulation {
 public:
  Simulation(const Case& c, std::uint32_t seed)
      : case_(c),
        all_(backends_of_run()),
        pool_(std::make_shared<Pool>(settings_of(c), all_)),
        random_(seed) {}

  void step() {
    act();
    sort_out_woken();
    if (below(4) == 0) deliver();
    check();
  }

  // Everybody goes, one after the other: nothing must be left.
  void end() {
    deliver();
    while (!guests_.empty()) guests_.erase(pick_guest());
    const PoolView view = pool_->view();
    for (const BackendView& one : view.backends) EXPECT_EQ(one.in_flight, 0u) << one.backend->name();
    EXPECT_EQ(view.waiting, 0u);
    EXPECT_TRUE(bell_.woken.empty());
    const PoolCounters& counters = pool_->counters();
    EXPECT_EQ(counters.queued.value(), queued_);
    EXPECT_EQ(counters.queue_refused.value(), refused_);
    // The run was worth something.
    EXPECT_GT(queued_, 500u);
    EXPECT_GT(refused_, 20u);
    EXPECT_GT(granted_after_wait_, 200u);
    EXPECT_GT(woken_for_nothing_, 20u);
    EXPECT_GT(lost_before_told_, 20u);
  }

 private:
  using At = std::list<Guest>::iterator;

  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }
  At pick_guest() { return std::next(guests_.begin(), below(static_cast<std::uint32_t>(guests_.size()))); }
  const Backend& any_backend() { return *all_[below(static_cast<std::uint32_t>(all_.size()))]; }

  // Each waits for the backend of its own key, and the model knows nothing of keys.
  bool is_strict() const { return case_.policy == PolicyName::kSourceHash && !case_.hash_balance; }

  void act() {
    std::uint32_t what = below(16);
    // Without guests only these can happen: arrivals, and what becomes of backends.
    if (guests_.empty() && what > 5 && what < 12) what = 0;
    switch (what) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
      case 5:
        return arrive();
      case 6:
      case 7:
      case 8:
      case 9:
        return go(pick_guest());
      case 10:
        return give_up_waiting(pick_guest());
      case 11:
        return fail(pick_guest());
      case 12:
        if (below(4) == 0) {
          pool_->check_failed(any_backend(), "x");
        } else {
          pool_->check_passed(any_backend(), now_);
        }
        return;
      case 13:
        if (below(6) == 0) {
          pool_->set_mode(any_backend(), static_cast<BackendMode>(below(3)), now_);
        } else {
          pool_->check_passed(any_backend(), now_);
        }
        return;
      case 14:
        // Mostly well, or there would be nothing to wait for; now and then none is left.
        if (below(8) == 0) {
          for (const auto& one : all_) pool_->set_mode(*one, BackendMode::kDrain, now_);
        } else if (below(2) == 0) {
          for (const auto& one : all_) {
            pool_->check_passed(*one, now_);
            pool_->set_mode(*one, BackendMode::kUp, now_);
          }
        }
        return;
      default:
        now_ += base::Millis(1'000);
        pool_->advance(now_);
        if (case_.replaces && below(4) == 0) replace();
    }
  }

  void replace() {
    Backends wanted;
    for (const auto& one : all_) {
      if (below(4) != 0) wanted.push_back(one);
    }
    pool_->replace(wanted, now_);
  }

  void arrive() {
    At guest = guests_.emplace(guests_.end(), bell_);
    attempt(guest);
  }

  // A pick, and a wait if that meets a full pool.
  void attempt(At guest) {
    const std::uint64_t refused_before = pool_->counters().queue_refused.value();
    if (guest->come(*pool_, below(8))) {
      if (guest->slot) return note_place(*guest);
      ++queued_;
      waiting_.push_back(&*guest);
      return;
    }
    if (guest->why_not == NoPick::kFull) {
      EXPECT_EQ(waiting_.size(), 12u) << "turned away though the queue had room";
      EXPECT_EQ(pool_->counters().queue_refused.value(), refused_before + 1);
      ++refused_;
    }
    guests_.erase(guest);
  }

  void note_place(const Guest& guest) {
    EXPECT_FALSE(guest.tried.contains(guest.slot.index()));
    index_of_[guest.slot.backend().get()] = guest.slot.index();
  }

  // A session ends, or goes while it waits, or between the grant and the word of it.
  void go(At guest) {
    std::erase(waiting_, &*guest);
    if (was_woken(&*guest)) ++lost_before_told_;
    if (!guest->slot) {
      guests_.erase(guest);
      return;
    }
    const Guest* next = first_to_use(guest->slot.backend().get());
    const std::size_t woken_before = bell_.woken.size();
    guests_.erase(guest);
    if (is_strict()) {
      EXPECT_LE(bell_.woken.size(), woken_before + 1) << "one place has served several";
      return;
    }
    if (next == nullptr) {
      EXPECT_EQ(bell_.woken.size(), woken_before) << "the place is of use to nobody";
      return;
    }
    ASSERT_EQ(bell_.woken.size(), woken_before + 1);
    EXPECT_EQ(bell_.woken.back(), &next->waiter) << "it is another one's turn";
  }

  // Who should have a place at `freed`: the first that can use it.
  const Guest* first_to_use(const Backend* freed) const {
    const PoolView view = pool_->view();
    auto all = standings(view);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (view.backends[i].backend.get() == freed) all[i].has_room = true;
    }
    for (const Guest* guest : waiting_) {
      if (expected(all, guest->tried) == NoPick::kNone) return guest;
    }
    return nullptr;
  }

  bool was_woken(const Guest* guest) const {
    return std::find(bell_.woken.begin(), bell_.woken.end(), &guest->waiter) != bell_.woken.end();
  }

  void give_up_waiting(At guest) {
    if (!guest->waiter.waits()) return;
    const bool was_told = was_woken(&*guest);
    std::erase(waiting_, &*guest);
    guest->slot = guest->waiter.leave();
    EXPECT_FALSE(guest->waiter.waits());
    if (guest->slot) {
      EXPECT_TRUE(was_told);
      return note_place(*guest);
    }
    guests_.erase(guest);
  }

  // Its attempt fails; it makes another one.
  void fail(At guest) {
    if (!guest->slot) return;
    guest->slot.connect_failed(now_, "x");
    if (!case_.replaces && guest->tried.size() < Tried::kMost) guest->tried.add(guest->slot.index());
    guest->slot.release();
    sort_out_woken();
    if (case_.replaces) {
      guests_.erase(guest);
    } else {
      attempt(guest);
    }
  }

  void deliver() {
    for (Waiter* waiter : std::deque<Waiter*>(bell_.woken)) {
      Guest& guest = guest_of(*waiter);
      bell_.forget(*waiter);
      waiter->told();
      EXPECT_TRUE(guest.was_told);
      if (guest.slot) {
        ++granted_after_wait_;
        note_place(guest);
        continue;
      }
      EXPECT_EQ(guest.why_not, NoPick::kNobody);
      ++woken_for_nothing_;
      guests_.remove_if([&](const Guest& one) { return &one == &guest; });
    }
  }

  Guest& guest_of(const Waiter& waiter) {
    for (Guest& guest : guests_) {
      if (&guest.waiter == &waiter) return guest;
    }
    throw std::logic_error("a waiter of nobody was woken");
  }

  static bool is_same(const Tried& a, const Tried& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!b.contains(a[i])) return false;
    }
    return true;
  }

  // Those whose wait is over leave the model's queue. Nobody like one that still waits may have overtaken
  // him.
  void sort_out_woken() {
    std::vector<Guest*> still;
    for (Guest* guest : waiting_) {
      if (!was_woken(guest)) {
        still.push_back(guest);
        continue;
      }
      for (const Guest* earlier : still) {
        EXPECT_FALSE(is_same(earlier->tried, guest->tried) && (!is_strict() || earlier->key == guest->key))
            << "overtaken";
      }
    }
    waiting_ = std::move(still);
  }

  struct Standing {
    bool usable = false;
    bool has_room = false;
    int tier = 0;
    std::optional<BackendIndex> index;  // nothing: nobody has been there, so nobody has tried it
  };

  std::vector<Standing> standings(const PoolView& view) const {
    std::vector<Standing> all;
    for (const BackendView& one : view.backends) {
      const bool is_wanted = one.state != BackendState::kDrain && one.state != BackendState::kMaintenance;
      Standing standing;
      standing.usable = one.state == BackendState::kUp || (view.panic && is_wanted);
      standing.has_room = one.in_flight < *one.backend->identity().most_sessions;
      const bool is_last = one.is_passed_over && !view.panic;
      standing.tier = is_last ? 2 : one.backend->identity().is_backup ? 1 : 0;
      if (const auto found = index_of_.find(one.backend.get()); found != index_of_.end())
        standing.index = found->second;
      all.push_back(standing);
    }
    return all;
  }

  // What the pool should say to one that has tried these.
  static NoPick expected(const std::vector<Standing>& standings, const Tried& tried) {
    for (const int tier : {0, 1, 2}) {
      bool untried = false;
      for (const Standing& one : standings) {
        if (!one.usable) continue;
        if (one.tier != tier || (one.index && tried.contains(*one.index))) continue;
        untried = true;
        if (one.has_room) return NoPick::kNone;
      }
      if (untried) return NoPick::kFull;
    }
    return NoPick::kNobody;
  }

  void check() {
    const PoolView view = pool_->view();
    std::map<const Backend*, std::uint32_t> held;
    for (const Guest& guest : guests_) {
      if (guest.slot) ++held[guest.slot.backend().get()];
    }
    std::uint32_t in_flight = 0;
    std::uint32_t held_in_all = 0;
    for (const BackendView& one : view.backends) {
      ASSERT_LE(one.in_flight, *one.backend->identity().most_sessions) << one.backend->name();
      ASSERT_GE(one.in_flight, held[one.backend.get()]) << one.backend->name();
      in_flight += one.in_flight;
    }
    for (const auto& [backend, count] : held) held_in_all += count;
    // What is out and not held has been given to one who has not heard of it.
    ASSERT_LE(in_flight - held_in_all, bell_.woken.size());
    if (bell_.woken.empty()) {
      ASSERT_EQ(in_flight, held_in_all);
    }
    ASSERT_EQ(view.waiting, waiting_.size());
    const auto all = standings(view);
    for (const Guest* guest : waiting_) {
      ASSERT_TRUE(guest->waiter.waits());
      if (is_strict()) {
        NoPick why_not = NoPick::kNone;
        const Slot place = pool_->pick({guest->key, guest->tried}, why_not);
        ASSERT_EQ(why_not, NoPick::kFull) << "it waits though it need not";
        continue;
      }
      ASSERT_EQ(expected(all, guest->tried), NoPick::kFull) << "it waits though it need not";
    }
  }

  const Case& case_;
  const Backends all_;
  const std::shared_ptr<Pool> pool_;
  std::mt19937 random_;
  Bell bell_;
  std::list<Guest> guests_;
  std::vector<Guest*> waiting_;  // who waits and has not been woken, in the order of coming
  std::map<const Backend*, BackendIndex> index_of_;
  base::TimePoint now_ = kStart;
  std::uint64_t queued_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t granted_after_wait_ = 0;
  std::uint64_t woken_for_nothing_ = 0;
  std::uint64_t lost_before_told_ = 0;
};

class PoolModel : public testing::TestWithParam<Case> {};

TEST_P(PoolModel, LosesNoPlaceAndLetsNobodyWaitInVainOverRandomSteps) {
  for (const std::uint32_t seed : {1u, 2u}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation run(GetParam(), seed);
    for (int step = 0; step < 10'000; ++step) {
      run.step();
      ASSERT_FALSE(HasFailure()) << "in step " << step;
    }
    run.end();
  }
}

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

INSTANTIATE_TEST_SUITE_P(Policies, PoolModel, testing::ValuesIn(kCases),
                         [](const auto& one) { return std::string(one.param.name); });

// The same over threads: a bell for each, as workers have.
class ThreadBell final : public Waker {
 public:
  void wake(Waiter& waiter) override {
    {
      const std::lock_guard lock(mutex_);
      woken_.push_back(&waiter);
    }
    changed_.notify_one();
  }
  void forget(Waiter& waiter) override {
    const std::lock_guard lock(mutex_);
    std::erase(woken_, &waiter);
  }
  // Tells the next one whose wait is over. False: nobody's was in time.
  bool deliver_one(std::chrono::milliseconds patience) {
    Waiter* waiter = nullptr;
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait_for(lock, patience, [this] { return !woken_.empty(); })) return false;
      waiter = woken_.front();
      woken_.pop_front();
    }
    waiter->told();
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Waiter*> woken_;
};

TEST(PoolOfThreads, LosesNoPlaceWhileSessionsWaitAndGoAndBackendsChange) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 10'000;
  constexpr std::uint32_t kMost = 1;
  PoolSettings settings = settings_of({.name = "threads", .policy = PolicyName::kLeastConnections});
  settings.queue_length = 8;
  const auto pool = std::make_shared<Pool>(settings, several(3, {.most_sessions = kMost}));
  std::array<std::atomic<std::uint32_t>, 3> held{};
  std::atomic<int> faults{0};
  std::atomic<int> running{kThreads};
  std::atomic<std::uint64_t> queued{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> granted{0};

  const auto serve = [&](std::uint32_t seed) {
    ThreadBell bell;
    std::mt19937 random(seed);
    std::deque<Guest> guests;  // at most four: their destructors give everything back
    const auto took = [&](Guest& guest) {
      if (guest.slot && ++held[guest.slot.index()] > kMost) ++faults;
    };
    const auto drop = [&](Guest& guest) {
      if (guest.slot) --held[guest.slot.index()];
    };
    for (int round = 0; round < kRounds; ++round) {
      Guest& guest = guests.emplace_back(bell);
      if (guest.come(*pool, random())) {
        took(guest);
        if (!guest.slot) ++queued;
      } else if (guest.why_not == NoPick::kFull) {
        ++refused;
      }
      if (guest.slot && random() % 16 == 0) guest.slot.connect_failed(base::coarse_now(), "x");
      switch (guest.waiter.waits() ? random() % 3 : 3) {
        case 0:
          break;  // waits on
        case 1:
          guest.slot = guest.waiter.leave();
          took(guest);
          break;
        case 2:
          // Until something happens: with places to give up first, or all could wait for each other.
          for (Guest& other : guests) {
            drop(other);
            other.slot.release();
          }
          while (!guest.was_told) {
            if (!bell.deliver_one(std::chrono::milliseconds(20'000))) {
              ++faults;
              break;
            }
            for (Guest& other : guests) {
              if (!std::exchange(other.was_told, false)) continue;
              if (other.slot) ++granted;
              took(other);
              if (&other == &guest) {
                other.was_told = true;
                break;
              }
              drop(other);
              other.slot.release();
            }
          }
          guest.was_told = false;
          break;
        default:
          break;
      }
      while (guests.size() > 3 || (!guests.empty() && random() % 8 == 0)) {
        drop(guests.front());
        guests.pop_front();
      }
    }
    for (Guest& guest : guests) drop(guest);
    guests.clear();
    --running;
  };

  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < kThreads; ++t) threads.emplace_back(serve, t + 1);
  std::mt19937 random(99);
  const Backends backends = pool->backends();
  while (running > 0) {
    const Backend& one = *backends[random() % backends.size()];
    const base::TimePoint now = base::coarse_now();
    switch (random() % 4) {
      case 0:
        pool->check_failed(one, "x");
        break;
      case 1:
        pool->set_mode(one, static_cast<BackendMode>(random() % 3), now);
        break;
      case 2:
        pool->advance(now + base::Millis(5'000));
        break;
      default:
        EXPECT_LE(pool->view().waiting, 8u);
    }
    pool->check_passed(one, now);
    pool->set_mode(one, BackendMode::kUp, now);
    std::this_thread::yield();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(faults, 0);
  for (const auto& count : held) EXPECT_EQ(count, 0u);
  const PoolView view = pool->view();
  for (const BackendView& one : view.backends) EXPECT_EQ(one.in_flight, 0u);
  EXPECT_EQ(view.waiting, 0u);
  EXPECT_EQ(pool->counters().queued.value(), queued);
  EXPECT_EQ(pool->counters().queue_refused.value(), refused);
  EXPECT_GT(queued, 100u);
  EXPECT_GT(granted, 50u);
}

}  // namespace
}  // namespace weir::pool
