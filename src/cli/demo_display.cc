#include "cli/demo_display.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/units.h"

namespace weir::cli {
namespace {

struct Sums {
  std::uint64_t accepted = 0;
  std::uint64_t open = 0;
  std::uint64_t bytes = 0;
};

Sums sums_of(const server::ProcessStatus& status) {
  Sums sums;
  for (const auto& listener : status.listeners) {
    sums.accepted += listener.accepted;
    sums.open += listener.open;
    sums.bytes += listener.upload_bytes + listener.download_bytes;
  }
  return sums;
}

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

std::uint64_t sessions_of(const server::PoolStatus& pool) {
  std::uint64_t sum = 0;
  for (const auto& backend : pool.backends) sum += backend.sessions;
  return sum;
}

constexpr int kBarLength = 30;

}  // namespace

std::string live_line(const server::ProcessStatus& before, const server::ProcessStatus& now, double seconds,
                      std::size_t columns) {
  const Sums then = sums_of(before);
  const Sums sums = sums_of(now);
  const double rate = seconds > 0 ? static_cast<double>(sums.accepted - then.accepted) / seconds : 0;
  std::string line = now.draining ? "draining, Ctrl-C cuts:  " : "";
  line += fmt::format("{} open   {}/s   {} in all   {}  ", base::human_count(sums.open),
                      base::human_count(static_cast<std::uint64_t>(std::llround(rate))),
                      base::human_count(sums.accepted), base::human_bytes(sums.bytes));
  for (const auto& pool : now.pools) {
    const std::uint64_t all = sessions_of(pool);
    for (const auto& backend : pool.backends) {
      fmt::format_to(std::back_inserter(line), " {} {:.1f}%", backend.name, share(backend.sessions, all));
    }
  }
  return line.substr(0, columns);
}

std::string spread_table(const server::ProcessStatus& status) {
  std::string text = fmt::format("{:<10} {:>10} {:>8}\n", "backend", "sessions", "share");
  for (const auto& pool : status.pools) {
    const std::uint64_t all = sessions_of(pool);
    for (const auto& backend : pool.backends) {
      const double percent = share(backend.sessions, all);
      std::string bar;
      for (int i = 0; i < static_cast<int>(std::lround(percent / 100 * kBarLength)); ++i) bar += "█";
      fmt::format_to(std::back_inserter(text), "{:<10} {:>10} {:>6.1f} %  {}\n", backend.name,
                     base::human_count(backend.sessions), percent, bar);
    }
  }
  return text;
}

}  // namespace weir::cli
