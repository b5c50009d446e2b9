// What the keys of `weir top` do: they move its state, and may ask the door for something once that is
// confirmed. Pure.
#pragma once

#include <optional>
#include <string>

#include "cli/door_client.h"
#include "cli/top_screen.h"

namespace weir::cli {

// A character as it is; what is none has a name.
enum Key : int {
  kNoKey = -1,
  kTab = '\t',
  kEnter = '\n',
  kEscape = 27,
  kErase = 127,
  kUp = 0x10000,
  kDown,
  kLeft,
  kRight,
  kPageUp,
  kPageDown,
  kHome,
  kEnd,
};

// What is to be done once the question has been answered.
struct Wanted {
  DoorRequest request;
  std::string done;  // what to say then
};

class TopKeys {
 public:
  enum class Next { kGoOn, kLeave };

  // `view` is what is shown now, arranged.
  Next press(int key, const PageView& view, TopState& state, std::size_t page_height);

  // What a "y" has released; once.
  std::optional<Wanted> take_wanted() { return std::exchange(wanted_, std::nullopt); }

 private:
  void answer_question(int key, TopState& state);
  void write_filter(int key, TopState& state);
  void ask(const PageView& view, TopState& state, int key);

  std::optional<Wanted> asked_;   // waits for the answer
  std::optional<Wanted> wanted_;  // has it
};

}  // namespace weir::cli
