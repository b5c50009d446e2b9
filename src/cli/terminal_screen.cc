#include "cli/terminal_screen.h"

#include <curses.h>
#include <unistd.h>

#include <clocale>

#include "cli/output.h"
#include "cli/top_keys.h"

namespace weir::cli {
namespace {

enum Pair : short { kGreen = 1, kYellow, kRed };

int attribute_of(Tone tone, bool has_colours) {
  switch (tone) {
    case Tone::kGood:
      return has_colours ? COLOR_PAIR(kGreen) : A_NORMAL;
    case Tone::kWarning:
      return has_colours ? COLOR_PAIR(kYellow) : A_BOLD;
    case Tone::kBad:
      return has_colours ? COLOR_PAIR(kRed) | A_BOLD : A_BOLD;
    case Tone::kDim:
      return A_DIM;
    case Tone::kPlain:
      break;
  }
  return A_NORMAL;
}

int key_of(int code) {
  switch (code) {
    case ERR:
    case KEY_RESIZE:
      return kNoKey;
    case KEY_UP:
      return Key::kUp;
    case KEY_DOWN:
      return Key::kDown;
    case KEY_LEFT:
      return Key::kLeft;
    case KEY_RIGHT:
      return Key::kRight;
    case KEY_PPAGE:
      return kPageUp;
    case KEY_NPAGE:
      return kPageDown;
    case KEY_HOME:
      return kHome;
    case KEY_END:
      return kEnd;
    case KEY_BACKSPACE:
    case '\b':
      return kErase;
    case KEY_ENTER:
    case '\r':
      return kEnter;
    default:
      return code;
  }
}

}  // namespace

base::Result<std::unique_ptr<TerminalScreen>> TerminalScreen::open() {
  const auto fail = [](std::string why) { return base::failure({base::ErrorSide::kSystem, std::move(why)}); };
  if (::isatty(STDOUT_FILENO) == 0 || ::isatty(STDIN_FILENO) == 0) {
    return fail("this is no terminal: `weir ctl status` prints the same once");
  }
  std::setlocale(LC_ALL, "");
  // initscr would end the process for a terminal that it does not know.
  SCREEN* screen = ::newterm(nullptr, stdout, stdin);
  if (screen == nullptr) {
    const char* term = std::getenv("TERM");
    return fail("the terminal \"" + std::string(term == nullptr ? "" : term) +
                "\" is not known here (TERM): `weir ctl status` needs none");
  }
  ::set_term(screen);
  return std::unique_ptr<TerminalScreen>(new TerminalScreen());
}

TerminalScreen::TerminalScreen() {
  ::cbreak();
  ::noecho();
  ::keypad(stdscr, true);
  ::curs_set(0);
  ::set_escdelay(50);
  has_colours_ = !wants_no_colours() && ::has_colors();
  if (!has_colours_) return;
  ::start_color();
  ::use_default_colors();
  ::init_pair(kGreen, COLOR_GREEN, -1);
  ::init_pair(kYellow, COLOR_YELLOW, -1);
  ::init_pair(kRed, COLOR_RED, -1);
}

TerminalScreen::~TerminalScreen() { ::endwin(); }

ScreenSize TerminalScreen::size() const {
  return {static_cast<std::size_t>(getmaxy(stdscr)), static_cast<std::size_t>(getmaxx(stdscr))};
}

void TerminalScreen::draw(const std::vector<ScreenLine>& lines) const {
  ::werase(stdscr);
  for (std::size_t y = 0; y < lines.size(); ++y) {
    ::wmove(stdscr, static_cast<int>(y), 0);
    const int whole = lines[y].is_selected ? A_REVERSE : A_NORMAL;
    for (const Piece& piece : lines[y].pieces) {
      ::wattrset(stdscr, whole | attribute_of(piece.tone, has_colours_));
      ::waddnstr(stdscr, piece.text.data(), static_cast<int>(piece.text.size()));
    }
  }
  ::wattrset(stdscr, A_NORMAL);
  ::wrefresh(stdscr);
}

int TerminalScreen::wait_for_key(base::Millis patience) {
  ::wtimeout(stdscr, static_cast<int>(patience.count()));
  return key_of(::wgetch(stdscr));
}

}  // namespace weir::cli
