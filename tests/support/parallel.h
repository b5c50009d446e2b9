// Runs the same work on several threads and waits for all of them. What a thread throws fails the test, with
// its words.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <exception>
#include <thread>
#include <vector>

namespace weir::test {

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
