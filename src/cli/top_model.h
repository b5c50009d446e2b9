// What `weir top` shows: two readings of the door put beside each other as rows with rates, sorted and
// filtered. Pure; the screen draws it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/text_table.h"

namespace weir::cli {

// One reading of everything that is shown.
struct Reading {
  nlohmann::json process;
  nlohmann::json listeners;
  nlohmann::json pools;
  nlohmann::json detail;  // of the page: sessions, clients or refusals; null for the others
};

enum class Page { kBackends, kListeners, kSessions, kClients, kRefusals };
inline constexpr std::size_t kPages = 5;

// A row of a page, as texts for people, and as values by which it is sorted.
struct Row {
  std::vector<Cell> cells;
  std::vector<double> values;  // of the columns that are numbers; others are sorted by their text
  std::string pool;            // of a backend; empty otherwise
  std::string name;            // of the backend, or the id of the session
};

struct PageView {
  std::vector<TextTable::Column> columns;
  std::vector<Row> rows;
  // A table above that one whose rows are neither selected nor sorted; without rows there is none.
  std::vector<TextTable::Column> columns_above;
  std::vector<Row> rows_above;
};

// `before` is a reading `seconds` older, or empty: then there are no rates yet.
PageView view_of(Page page, const Reading& before, const Reading& now, double seconds);

// Rows that have `filter` in one of their texts, sorted by a column: numbers from the greatest, texts from
// "a"; the other way round where it `is_reversed`. Rows that are alike stay in their order.
void arrange(PageView& view, const std::string& filter, std::size_t column, bool is_reversed);

// The sums at the top: new connections, bytes and refusals a second, and how full Weir is.
struct Totals {
  double accepted = 0;  // these four a second
  double refused = 0;
  double upload_bytes = 0;
  double download_bytes = 0;
  std::uint64_t connections = 0;
  std::uint64_t most = 0;
  std::uint64_t healthy = 0;
  std::uint64_t backends = 0;
  std::uint64_t waiting = 0;
};
Totals totals_of(const Reading& before, const Reading& now, double seconds);

}  // namespace weir::cli
