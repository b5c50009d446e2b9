// What it costs to borrow a buffer and to give it back: the one that is still warm, and many at once, of
// which most come from the allocator.
#include <benchmark/benchmark.h>

#include <vector>

#include "net/buffer_pool.h"

namespace weir::net {
namespace {

void borrow_and_return(benchmark::State& state) {
  BufferPool pool(1'000'000);
  std::vector<Buffer> held(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    for (Buffer& buffer : held) buffer = pool.acquire();
    for (Buffer& buffer : held) buffer.release();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(borrow_and_return)->Arg(1)->Arg(100)->Arg(10'000);

}  // namespace
}  // namespace weir::net
