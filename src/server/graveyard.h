// Keeps what has had its day until nobody holds it any more, so that large things are freed here and not
// where the last session with a reference to them ends. One thread.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace weir::server {

class Graveyard {
 public:
  // `may_go`, where there is one, has a say as well once nobody else holds it. Once for each thing.
  void keep(std::shared_ptr<const void> thing, std::function<bool()> may_go = {}) {
    const bool is_new =
        std::none_of(kept_.begin(), kept_.end(), [&](const Kept& one) { return one.thing == thing; });
    if (thing != nullptr && is_new) kept_.push_back({std::move(thing), std::move(may_go)});
  }

  // Frees what nobody has held since the call before: whoever was about to let go of it has done so. One
  // after the other, since what goes may have held others, or shared something with them.
  void clear() {
    for (std::size_t i = kept_.size(); i-- > 0;) {
      Kept& one = kept_[i];
      const bool is_free = one.thing.use_count() == 1 && (!one.may_go || one.may_go());
      if (!std::exchange(one.was_free, is_free) || !is_free) continue;
      kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  std::size_t size() const { return kept_.size(); }

 private:
  struct Kept {
    std::shared_ptr<const void> thing;
    std::function<bool()> may_go;
    bool was_free = false;  // at the last look
  };

  std::vector<Kept> kept_;
};

}  // namespace weir::server
