#include "cli/top_keys.h"

#include <algorithm>

namespace weir::cli {
namespace {

void go_to_page(TopState& state, std::size_t page) {
  state.page = static_cast<Page>(page % kPages);
  state.selected = state.first = state.column = 0;
  state.is_sorted = state.is_reversed = false;
}

void select(TopState& state, std::size_t rows, std::ptrdiff_t by) {
  const auto last = static_cast<std::ptrdiff_t>(rows) - 1;
  const std::ptrdiff_t to = static_cast<std::ptrdiff_t>(state.selected) + by;
  state.selected =
      static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(to, 0, std::max<std::ptrdiff_t>(last, 0)));
}

void sort_by(TopState& state, std::size_t columns, std::size_t step) {
  if (columns == 0) return;
  state.column = state.is_sorted ? (state.column + step) % columns : (step == 1 ? 0 : columns - 1);
  state.is_sorted = true;
}

std::string mode_of(int key) { return key == 'd' ? "drain" : key == 'm' ? "maintenance" : "up"; }

}  // namespace

TopKeys::Next TopKeys::press(int key, const PageView& view, TopState& state, std::size_t page_height) {
  if (key == kNoKey) return Next::kGoOn;
  if (!state.question.empty()) {
    answer_question(key, state);
    return Next::kGoOn;
  }
  if (state.asks_for_filter) {
    write_filter(key, state);
    return Next::kGoOn;
  }
  state.word.clear();
  if (state.shows_help) {
    state.shows_help = false;
    return Next::kGoOn;
  }
  const auto page = static_cast<std::ptrdiff_t>(page_height);
  if (key >= '1' && key < '1' + static_cast<int>(kPages))
    go_to_page(state, static_cast<std::size_t>(key - '1'));
  switch (key) {
    case 'q':
      return Next::kLeave;
    case kTab:
      go_to_page(state, static_cast<std::size_t>(state.page) + 1);
      break;
    case kUp:
    case 'k':
      select(state, view.rows.size(), -1);
      break;
    case kDown:
    case 'j':
      select(state, view.rows.size(), 1);
      break;
    case kPageUp:
      select(state, view.rows.size(), -page);
      break;
    case kPageDown:
      select(state, view.rows.size(), page);
      break;
    case kHome:
      state.selected = 0;
      break;
    case kEnd:
      select(state, view.rows.size(), static_cast<std::ptrdiff_t>(view.rows.size()));
      break;
    case kRight:
      sort_by(state, view.columns.size(), 1);
      break;
    case kLeft:
      sort_by(state, view.columns.size(),
              view.columns.size() - std::min<std::size_t>(view.columns.size(), 1));
      break;
    case 'r':
      state.is_reversed = state.is_sorted && !state.is_reversed;
      break;
    case '/':
      state.asks_for_filter = true;
      state.filter.clear();
      break;
    case kEscape:
      state.filter.clear();
      break;
    case 'p':
      state.is_paused = !state.is_paused;
      break;
    case '?':
      state.shows_help = true;
      break;
    case 'd':
    case 'u':
    case 'm':
    case 'x':
      ask(view, state, key);
      break;
    default:
      break;
  }
  return Next::kGoOn;
}

void TopKeys::answer_question(int key, TopState& state) {
  state.question.clear();
  if (key == 'y' || key == 'Y') {
    wanted_ = std::exchange(asked_, std::nullopt);
    return;
  }
  asked_.reset();
  state.word = "nothing was changed";
  state.tone_of_word = Tone::kPlain;
}

void TopKeys::write_filter(int key, TopState& state) {
  if (key == kEnter || key == kEscape) {
    state.asks_for_filter = false;
    if (key == kEscape) state.filter.clear();
  } else if (key == kErase) {
    if (!state.filter.empty()) state.filter.pop_back();
  } else if (key >= ' ' && key < kErase) {
    state.filter += static_cast<char>(key);
  }
  state.selected = state.first = 0;
}

void TopKeys::ask(const PageView& view, TopState& state, int key) {
  const bool is_about_session = key == 'x';
  if (state.page != (is_about_session ? Page::kSessions : Page::kBackends) ||
      state.selected >= view.rows.size()) {
    state.word =
        is_about_session ? "select a session for that (page 3)" : "select a backend for that (page 1)";
    state.tone_of_word = Tone::kWarning;
    return;
  }
  const Row& row = view.rows[state.selected];
  const std::string shown = row.cells[is_about_session ? 0 : 1].text;
  if (row.name.empty()) {
    state.word = "backend " + shown + " no longer belongs to the pool";
    state.tone_of_word = Tone::kWarning;
    return;
  }
  if (is_about_session) {
    state.question = "close session " + shown + "?";
    asked_ = Wanted{{"DELETE", "/v1/sessions/" + escaped(row.name), ""}, "session " + shown + " is closed"};
    return;
  }
  const std::string mode = mode_of(key);
  const std::string what = "backend " + shown + " of pool " + row.cells[0].text;
  state.question = mode + ": " + what + "?";  // what does not fit is cut at its end
  asked_ = Wanted{{"PATCH", "/v1/pools/" + escaped(row.pool) + "/backends/" + escaped(row.name),
                   "{\"state\": \"" + mode + "\"}"},
                  what + ": " + mode};
}

}  // namespace weir::cli
