// What Weir has in use while the soak goes on, process by process, and whether it grows: within the life of
// each of them, and from one to the next.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace weir::test::soak {

class Samples {
 public:
  // Looks at that process, the same as before or another one.
  void add(pid_t pid);

  std::size_t count() const { return count_; }
  std::uint64_t last_memory() const { return lives_.back().samples.back().memory; }
  std::size_t most_pipe_ends() const { return most_pipe_ends_; }

  // Says on stderr what there was, and fails the test where memory or the number of descriptors grows.
  void expect_flat() const;

 private:
  struct Sample {
    std::uint64_t memory = 0;
    std::size_t descriptors = 0;
  };
  struct Life {
    pid_t pid = 0;
    std::vector<Sample> samples;
  };
  // The median of a member over one of a life's three thirds, counted from 0.
  template <class T>
  static T median_of_third(const Life& life, std::size_t third, T Sample::*member);

  std::vector<Life> lives_;
  std::size_t count_ = 0;
  std::size_t most_pipe_ends_ = 0;
};

}  // namespace weir::test::soak
