// Does one wrong thing on request, so that a test can show that the sanitizer of this build reports it. Where
// a runner forbids what a sanitizer needs (ptrace for leaks, for one), the suite says so and does not pass by
// finding nothing.
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string_view>
#include <thread>

namespace {

[[gnu::noinline]] void leak() {
  void* volatile lost = std::malloc(1234);
  std::memset(lost, 1, 1234);
  lost = nullptr;
}

[[gnu::noinline]] void use_after_free() {
  auto* volatile gone = static_cast<volatile char*>(std::malloc(16));
  std::free(const_cast<char*>(gone));
  gone[3] = 'x';
}

[[gnu::noinline]] void overflow() {
  volatile int most = std::numeric_limits<int>::max();
  most = most + 1;
}

[[gnu::noinline]] void race() {
  int shared = 0;
  const auto count = [&shared] {
    for (int i = 0; i < 100'000; ++i) *const_cast<volatile int*>(&shared) = i;
  };
  std::thread other(count);
  count();
  other.join();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc == 2 ? argv[1] : "";
  if (what == "leak") leak();
  if (what == "use-after-free") use_after_free();
  if (what == "overflow") overflow();
  if (what == "race") race();
  return 0;
}
