// A terminal as a full screen: lines are put on it, keys are taken from it. ncurses stays inside its .cc
// file. One at a time; its destructor gives the terminal back as it was.
#pragma once

#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cli/top_screen.h"

namespace weir::cli {

class TerminalScreen {
 public:
  // Fails where standard output is no terminal, or one that is not known (TERM).
  static base::Result<std::unique_ptr<TerminalScreen>> open();
  ~TerminalScreen();
  TerminalScreen(const TerminalScreen&) = delete;
  TerminalScreen& operator=(const TerminalScreen&) = delete;

  ScreenSize size() const;
  void draw(const std::vector<ScreenLine>& lines) const;
  // A key (`Key`, or a character), or kNoKey after `patience`.
  int wait_for_key(base::Millis patience);

 private:
  TerminalScreen();
  bool has_colours_ = false;
};

}  // namespace weir::cli
