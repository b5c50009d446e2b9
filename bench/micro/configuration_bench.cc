// From a file's text to pools that can serve: reading and checking a configuration with many backends, and
// making the pools of it. Nothing is opened, and no name is asked for.
#include <benchmark/benchmark.h>

#include <fmt/format.h>

#include <string>

#include "config/load.h"
#include "server/world.h"

namespace weir {
namespace {

std::string text_with(std::int64_t backends) {
  std::string text =
      "[listeners.web]\nbind = \"127.0.0.1:8080\"\npool = \"app\"\n[pools.app]\nbackends = [\n";
  for (std::int64_t i = 0; i < backends; ++i)
    text += fmt::format("  \"127.{}.{}.{}:80\",\n", 20 + i / 62'500, i / 250 % 250, i % 250 + 1);
  return text + "]\n";
}

void read_configuration(benchmark::State& state) {
  const std::string text = text_with(state.range(0));
  for (auto _ : state) {
    const config::Loaded loaded = config::load_text(text, "weir.toml", {});
    if (!loaded.problems.empty()) state.SkipWithError("the configuration is refused");
    benchmark::DoNotOptimize(loaded);
  }
}
BENCHMARK(read_configuration)->Arg(10)->Arg(1'000)->Arg(10'000)->Unit(benchmark::kMillisecond);

void build_pools(benchmark::State& state) {
  const config::Loaded loaded = config::load_text(text_with(state.range(0)), "weir.toml", {});
  const auto resolve = [](const base::HostPort& name) -> base::Result<std::vector<base::Address>> {
    return base::failure({base::ErrorSide::kBackend, name.host + " is no address"});
  };
  for (auto _ : state) {
    config::Problems problems;
    const server::World world = server::build_world(loaded.config, resolve, problems);
    if (world.pools.size() != 1 || !problems.empty()) state.SkipWithError("no pool came of it");
    benchmark::DoNotOptimize(world);
  }
}
BENCHMARK(build_pools)->Arg(10)->Arg(1'000)->Arg(10'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace weir
