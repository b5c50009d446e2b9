// Work on other threads of the test: one beside it, or the same on several. What a thread throws fails the
// test, with its words, and ends nothing else.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

namespace weir::test {

// Runs `work` beside the test, up to `join` or the end of the scope.
class Background {
 public:
  template <class Work>
  explicit Background(Work work)
      : thread_([work = std::move(work)]() mutable {
          try {
            work();
          } catch (const std::exception& error) {
            ADD_FAILURE() << "in the background: " << error.what();
          }
        }) {}
  ~Background() { join(); }
  Background(Background&&) = default;
  Background& operator=(Background&&) = delete;

  void join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::thread thread_;
};

// Calls `work(i)` for each i below `count`, on `threads` threads that take the next one in turn.
template <class Work>
void in_parallel(std::size_t threads, std::size_t count, Work work) {
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> running;
  for (std::size_t t = 0; t < threads; ++t) {
    running.emplace_back([&] {
      for (std::size_t i = next++; i < count; i = next++) {
        try {
          work(i);
        } catch (const std::exception& error) {
          ADD_FAILURE() << "number " << i << ": " << error.what();
        }
      }
    });
  }
  for (std::thread& thread : running) thread.join();
}

}  // namespace weir::test
