// What it takes to read a file of networks, and to make of it the access list that a gate asks: what happens
// at start, and again when a file has changed. The file is in the kernel's memory, as after it was written.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "config/prefix_list.h"
#include "networks.h"
#include "server/access_lists.h"

namespace weir {
namespace {

// A file of so many networks, spread over the address space; gone with this object.
class ListFile {
 public:
  explicit ListFile(const benchmark::State& state) {
    const int family = state.range(0) == 4 ? AF_INET : AF_INET6;
    std::ofstream file(path_);
    for (const auto& entry :
         admission::Source(family, admission::kSpread).entries(static_cast<std::size_t>(state.range(1))))
      file << entry.prefix.to_string() << '\n';
  }
  ~ListFile() { std::filesystem::remove(path_); }
  ListFile(const ListFile&) = delete;
  ListFile& operator=(const ListFile&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_ = std::filesystem::temp_directory_path() / ("weir_bench_" + std::to_string(::getpid()));
};

void load(benchmark::State& state) {
  const ListFile file(state);
  std::size_t entries = 0;
  for (auto _ : state) entries = config::load_prefix_list(file.path()).entries.size();
  if (entries != static_cast<std::size_t>(state.range(1))) state.SkipWithError("the list was not read whole");
}

void load_and_build(benchmark::State& state) {
  const ListFile file(state);
  config::AccessConfig access;
  access.deny.files.push_back({file.path(), {}});
  for (auto _ : state) {
    config::Problems problems;
    const server::AccessClients clients = server::load_access_clients(access, problems);
    benchmark::DoNotOptimize(server::access_list_of(clients));
    if (!problems.empty()) state.SkipWithError("the list has problems");
  }
}

void sizes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"ipv", "networks"})->ArgsProduct({{4, 6}, {100'000}})->Unit(benchmark::kMillisecond);
}

BENCHMARK(load)->Name("prefix_list/load")->Apply(sizes);
BENCHMARK(load_and_build)->Name("prefix_list/load_and_build")->Apply(sizes);

}  // namespace
}  // namespace weir
