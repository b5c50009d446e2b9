#include "session/first_sign.h"

namespace weir::session {

void FirstSign::expect(base::TimePoint now, base::Millis patience) {
  begun_ = now;
  patience_ = patience;
  due_ = now + patience;
  was_unacknowledged_ = false;
}

FirstSign::Finding FirstSign::look(base::TimePoint now, base::Millis silence, int unacknowledged) {
  if (due_ == base::TimePoint::max()) return Finding::kAlive;
  const bool is_silent = now - silence <= begun_ + kBlur;
  const bool is_gone = is_silent && unacknowledged > 0 && was_unacknowledged_;
  due_ = is_silent && !is_gone ? now + patience_ : base::TimePoint::max();
  was_unacknowledged_ = unacknowledged > 0;
  if (is_gone) return Finding::kGone;
  return is_silent ? Finding::kUnknown : Finding::kAlive;
}

}  // namespace weir::session
