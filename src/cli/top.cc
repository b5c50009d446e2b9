#include "cli/top.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/terminal_screen.h"
#include "cli/top_keys.h"

namespace weir::cli {
namespace {

constexpr base::Millis kPatience{5'000};

const char* detail_of(Page page) {
  switch (page) {
    case Page::kSessions:
      return "/v1/sessions?sort=bytes&limit=500";
    case Page::kClients:
      return "/v1/clients?limit=200";
    case Page::kRefusals:
      return "/v1/refusals";
    case Page::kBackends:
    case Page::kListeners:
      break;
  }
  return nullptr;
}

class Top {
 public:
  Top(const DoorAddress& door, base::Millis interval, std::unique_ptr<TerminalScreen> screen)
      : door_(door), interval_(interval), screen_(std::move(screen)) {}

  void run() {
    read();
    while (true) {
      draw();
      const auto left = std::chrono::duration_cast<base::Millis>(due_ - base::precise_now());
      const int key = screen_->wait_for_key(std::clamp(left, base::Millis(1), interval_));
      if (stop_asked != 0) return;
      // Keys that wait come first, but for one that is held down.
      const base::TimePoint now = base::precise_now();
      if (now >= (key == kNoKey ? due_ : due_ + interval_)) read_unless_paused();
      const Page page = state_.page;
      if (keys_.press(key, view_, state_, state_.fit) == TopKeys::Next::kLeave) return;
      if (const auto wanted = keys_.take_wanted()) carry_out(*wanted);
      if (state_.page != page) read();
    }
  }

  static volatile std::sig_atomic_t stop_asked;

 private:
  base::Result<nlohmann::json> get(const char* target) {
    const auto answer = ask_door(door_, {"GET", target, ""}, kPatience);
    if (!answer) return base::failure(answer.error());
    return document_of(door_, *answer);
  }

  base::Result<Reading> read_all() {
    Reading reading;
    const std::pair<const char*, nlohmann::json Reading::*> parts[] = {
        {"/v1/process", &Reading::process},
        {"/v1/listeners", &Reading::listeners},
        {"/v1/pools", &Reading::pools},
        {detail_of(state_.page), &Reading::detail}};
    for (const auto& [target, part] : parts) {
      if (target == nullptr) continue;
      auto document = get(target);
      if (!document) return base::failure(std::move(document.error()));
      reading.*part = *std::move(document);
    }
    return reading;
  }

  void read_unless_paused() {
    if (state_.is_paused) {
      due_ = base::precise_now() + interval_;
    } else {
      read();
    }
  }

  void read() {
    auto reading = read_all();
    due_ = base::precise_now() + interval_;
    if (!reading) {
      state_.word = reading.error().message();
      state_.tone_of_word = Tone::kBad;
      is_lost_ = true;
      return;
    }
    if (std::exchange(is_lost_, false)) state_.word.clear();
    const base::TimePoint time = base::precise_now();
    // A page that was just come to is not a time that has passed.
    const bool is_early = time - read_at_ < interval_ / 2 && !before_.process.is_null();
    if (!is_early) {
      before_ = std::exchange(now_, Reading());
      before_at_ = std::exchange(read_at_, time);
    }
    now_at_ = time;
    now_ = *std::move(reading);
  }

  double seconds() const {
    if (before_.process.is_null()) return 0;
    return std::chrono::duration<double>(now_at_ - before_at_).count();
  }

  // A stranger's document may have another shape.
  void draw() {
    try {
      draw_reading();
    } catch (const nlohmann::json::exception&) {
      before_ = now_ = Reading();
      view_ = PageView();
      state_.word = kNotUnderstood;
      state_.tone_of_word = Tone::kBad;
      is_lost_ = true;
      draw_reading();
    }
  }

  void draw_reading() {
    const double between = seconds();
    view_ = view_of(state_.page, before_, now_, between);
    const std::size_t column = state_.is_sorted ? state_.column : view_.columns.size();
    arrange(view_, state_.filter, column, state_.is_reversed);
    screen_->draw(screen_lines(now_, totals_of(before_, now_, between), view_, state_, screen_->size()));
  }

  void carry_out(const Wanted& wanted) {
    const auto answer = ask_door(door_, wanted.request, kPatience);
    const bool is_done = answer && answer->status == 200;
    state_.tone_of_word = is_done ? Tone::kGood : Tone::kBad;
    if (is_done) {
      const auto document = document_of(door_, *answer);
      state_.word = wanted.done + (document ? note_of(*document) : "");
    } else if (!answer) {
      state_.word = answer.error().message();
    } else {
      state_.word = why_not(door_, *answer);
    }
    read();
  }

  const DoorAddress door_;
  const base::Millis interval_;
  const std::unique_ptr<TerminalScreen> screen_;
  TopState state_;
  TopKeys keys_;
  PageView view_;
  Reading before_;
  Reading now_;
  base::TimePoint before_at_;
  base::TimePoint now_at_;
  base::TimePoint read_at_;
  base::TimePoint due_;
  bool is_lost_ = false;
};

volatile std::sig_atomic_t Top::stop_asked = 0;

}  // namespace

int top(const DoorOptions& options, base::Millis interval) {
  const auto fail = [](const std::string& why) {
    complain("weir: " + why + "\n");
    return static_cast<int>(kProblem);
  };
  const auto door = find_door(options);
  if (!door) return fail(door.error().message());
  // Whoever has mistaken the address is told before the screen is taken.
  const auto first = ask_door(*door, {"GET", "/v1/process", ""}, kPatience);
  if (!first) return fail(first.error().message());
  if (const auto process = document_of(*door, *first); !process) return fail(process.error().message());
  auto screen = TerminalScreen::open();
  if (!screen) return fail(screen.error().message());
  struct sigaction action {};
  action.sa_handler = [](int) { Top::stop_asked = 1; };
  for (const int number : {SIGINT, SIGTERM}) ::sigaction(number, &action, nullptr);
  Top(*door, interval, std::move(*screen)).run();
  return kDone;
}

}  // namespace weir::cli
