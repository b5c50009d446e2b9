// A rate that follows what is measured with a delay of some seconds: an average over all that was seen, in
// which what is older counts exponentially less. From the first measurement on it is a true average, not one
// that creeps up from zero. Pure; one thread.
#pragma once

#include <chrono>
#include <cmath>

namespace weir::pool {

class Smoothed {
 public:
  // After `memory` a measurement counts a third (1/e) of a new one.
  explicit Smoothed(std::chrono::duration<double> memory) : memory_(memory) {}

  // `change` in the time `passed`. Precondition: passed > 0.
  void add(double change, std::chrono::duration<double> passed) {
    const double weight = 1.0 - std::exp(-passed.count() / memory_.count());
    sum_ += weight * (change / passed.count() - sum_);
    weight_ += weight * (1.0 - weight_);
  }

  // 0 before the first measurement.
  double per_second() const { return weight_ > 0.0 ? sum_ / weight_ : 0.0; }

 private:
  std::chrono::duration<double> memory_;
  double sum_ = 0.0;
  double weight_ = 0.0;  // how much of `sum_` was measured; the rest is the zero at the start
};

}  // namespace weir::pool
