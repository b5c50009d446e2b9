#include "cli/top_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/units.h"
#include "cli/ctl_views.h"
#include "cli/json_fields.h"
#include "config/text.h"

namespace weir::cli {
namespace {

using nlohmann::json;
using Side = TextTable::Side;

constexpr std::size_t kLongestText = 80;

std::string word(const json& object, const char* name) { return word_of(object, name, "", kLongestText); }
// As it came, to be sent back.
std::string exact(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

double number(const json& object, const char* name) { return number_of<double>(object, name); }

double sum(const json& counts) {
  double all = 0;
  if (counts.is_object()) {
    for (const auto& [name, value] : counts.items()) all += value.get<double>();
  }
  return all;
}

const json& list(const json& document, const char* name) {
  static const json kNone = json::array();
  const auto found = document.find(name);
  return document.is_object() && found != document.end() && found->is_array() ? *found : kNone;
}

// The one of the same name; null where there was none.
const json& same(const json& before, const json& now) {
  static const json kNone;
  const auto found = std::find_if(before.begin(), before.end(), [&](const json& one) {
    return one.value("name", "") == now.value("name", "");
  });
  return found == before.end() ? kNone : *found;
}

// The backend that it was. One that has left its pool may be called like one that came since.
const json& same_backend(const json& before, const json& now) {
  static const json kNone;
  const auto found = std::find_if(before.begin(), before.end(), [&](const json& one) {
    return one.value("name", "") == now.value("name", "") &&
           one.value("address", "") == now.value("address", "");
  });
  return found == before.end() ? kNone : *found;
}

// Growth a second; 0 where there is nothing to compare with, or where it was counted anew.
double rate(const json& before, const json& now, const char* name, double seconds) {
  if (!before.is_object() || seconds <= 0) return 0;
  return std::max(0.0, (number(now, name) - number(before, name)) / seconds);
}

std::string rate_text(double value) {
  if (value < 10 && value > 0) return fmt::format("{:.1f}", value);
  return base::human_count(static_cast<std::uint64_t>(std::llround(value)));
}
std::string count_text(double value) { return base::human_count(static_cast<std::uint64_t>(value)); }
std::string bytes_text(double value) { return base::human_bytes(static_cast<std::uint64_t>(value)); }
std::string time_text(double millis) { return human_time(static_cast<std::int64_t>(millis)); }

// Puts a row together, cell by cell.
class RowMaker {
 public:
  RowMaker& text(std::string value, Tone tone = Tone::kPlain) {
    row_.cells.emplace_back(std::move(value), tone);
    row_.values.push_back(std::nan(""));
    return *this;
  }
  RowMaker& value(double value, std::string shown, Tone tone = Tone::kPlain) {
    row_.cells.emplace_back(std::move(shown), tone);
    row_.values.push_back(value);
    return *this;
  }
  Row take() { return std::move(row_); }

 private:
  Row row_;
};

PageView backends(const Reading& before, const Reading& now, double seconds) {
  PageView view;
  view.columns = {{"POOL"},
                  {"BACKEND"},
                  {"STATE"},
                  {"OPEN", Side::kRight},
                  {"NEW/S", Side::kRight},
                  {"SHARE", Side::kRight},
                  {"FAILED/S", Side::kRight},
                  {"CONNECT", Side::kRight},
                  {"UP/S", Side::kRight},
                  {"DOWN/S", Side::kRight},
                  {"WEIGHT", Side::kRight},
                  {"REASON"}};
  for (const json& pool : list(now.pools, "pools")) {
    const json& old_pool = same(list(before.pools, "pools"), pool);
    const json& old = list(old_pool, "backends");
    double all = 0;
    for (const json& one : list(pool, "backends"))
      all += rate(same_backend(old, one), one, "sessions_total", seconds);
    for (const json& one : list(pool, "backends")) {
      const json& was = same_backend(old, one);
      const double fresh = rate(was, one, "sessions_total", seconds);
      const double failed = rate(was, one, "connect_failures_total", seconds);
      const double connect = number(one, "connect_us") / 1000;
      const double up = rate(was, one, "upload_bytes_total", seconds);
      const double down = rate(was, one, "download_bytes_total", seconds);
      const std::string state = one.value("passed_over", false) ? "passed over" : word(one, "state");
      const double share = all > 0 ? 100 * fresh / all : 0;
      Row row = RowMaker()
                    .text(word(pool, "name"))
                    .text(word(one, "name"))
                    .text(state, tone_of_state(state))
                    .value(number(one, "in_flight"), count_text(number(one, "in_flight")))
                    .value(fresh, rate_text(fresh))
                    .value(share, all > 0 ? fmt::format("{:.0f} %", share) : "")
                    .value(failed, rate_text(failed), failed > 0 ? Tone::kBad : Tone::kPlain)
                    .value(connect, connect > 0 ? fmt::format("{:.1f} ms", connect) : "")
                    .value(up, bytes_text(up))
                    .value(down, bytes_text(down))
                    .value(number(one, "weight"), word(one, "weight"))
                    .text(word(one, "state_reason"), Tone::kDim)
                    .take();
      row.pool = exact(pool, "name");
      if (!one.value("left", false)) row.name = exact(one, "name");
      view.rows.push_back(std::move(row));
    }
  }
  return view;
}

PageView listeners(const Reading& before, const Reading& now, double seconds) {
  PageView view;
  view.columns = {{"LISTENER"},
                  {"ADDRESS"},
                  {"POOL"},
                  {"OPEN", Side::kRight},
                  {"NEW/S", Side::kRight},
                  {"REFUSED/S", Side::kRight},
                  {"UP/S", Side::kRight},
                  {"DOWN/S", Side::kRight}};
  for (const json& one : list(now.listeners, "listeners")) {
    const json& was = same(list(before.listeners, "listeners"), one);
    const double fresh = rate(was, one, "accepted_total", seconds);
    const double before_refused = was.is_object() ? sum(was.value("refused_total", json())) : 0;
    const double refused =
        was.is_object() && seconds > 0
            ? std::max(0.0, (sum(one.value("refused_total", json())) - before_refused) / seconds)
            : 0;
    const double up = rate(was, one, "upload_bytes_total", seconds);
    const double down = rate(was, one, "download_bytes_total", seconds);
    std::string addresses;
    for (const json& address : list(one, "addresses"))
      addresses += (addresses.empty() ? "" : ",") + address.get<std::string>();
    view.rows.push_back(RowMaker()
                            .text(word(one, "name"))
                            .text(config::printable(addresses, kLongestText))
                            .text(word(one, "pool"))
                            .value(number(one, "sessions_open"), count_text(number(one, "sessions_open")))
                            .value(fresh, rate_text(fresh))
                            .value(refused, rate_text(refused), refused > 0 ? Tone::kBad : Tone::kPlain)
                            .value(up, bytes_text(up))
                            .value(down, bytes_text(down))
                            .take());
  }
  return view;
}

PageView sessions(const Reading& now) {
  PageView view;
  view.columns = {{"ID"},
                  {"LISTENER"},
                  {"CLIENT"},
                  {"POOL"},
                  {"BACKEND"},
                  {"STATE"},
                  {"AGE", Side::kRight},
                  {"IDLE", Side::kRight},
                  {"UP", Side::kRight},
                  {"DOWN", Side::kRight},
                  {"NAME"}};
  for (const json& one : list(now.detail, "sessions")) {
    Row row = RowMaker()
                  .text(word(one, "id"))
                  .text(word(one, "listener"))
                  .text(word(one, "client"))
                  .text(word(one, "pool"))
                  .text(word(one, "backend"))
                  .text(one.value("waits_for_place", false) ? "waits" : word(one, "state"))
                  .value(number(one, "age_ms"), time_text(number(one, "age_ms")))
                  .value(number(one, "idle_ms"), time_text(number(one, "idle_ms")))
                  .value(number(one, "upload_bytes"), bytes_text(number(one, "upload_bytes")))
                  .value(number(one, "download_bytes"), bytes_text(number(one, "download_bytes")))
                  .text(word(one, "server_name"))
                  .take();
    row.name = exact(one, "id");
    view.rows.push_back(std::move(row));
  }
  return view;
}

PageView clients(const Reading& now) {
  PageView view;
  view.columns = {{"CLIENT"},
                  {"SESSIONS", Side::kRight},
                  {"UP", Side::kRight},
                  {"DOWN", Side::kRight},
                  {"OLDEST", Side::kRight}};
  for (const json& one : list(now.detail, "clients")) {
    view.rows.push_back(RowMaker()
                            .text(word(one, "client"))
                            .value(number(one, "sessions_open"), count_text(number(one, "sessions_open")))
                            .value(number(one, "upload_bytes"), bytes_text(number(one, "upload_bytes")))
                            .value(number(one, "download_bytes"), bytes_text(number(one, "download_bytes")))
                            .value(number(one, "oldest_ms"), time_text(number(one, "oldest_ms")))
                            .take());
  }
  return view;
}

// Refusals and pauses by listener and reason, those that have come, from the most: what there is no room for
// is least.
void add_reasons(PageView& view, const Reading& before, const Reading& now, double seconds) {
  view.columns_above = {{"LISTENER"},
                        {"REASON"},
                        {"REFUSED/S", Side::kRight},
                        {"REFUSED", Side::kRight},
                        {"DRY RUN/S", Side::kRight},
                        {"DRY RUN", Side::kRight},
                        {"PAUSES/S", Side::kRight},
                        {"PAUSES", Side::kRight}};
  for (const json& one : list(now.listeners, "listeners")) {
    const json& was = same(list(before.listeners, "listeners"), one);
    const json reasons = one.value("refused_total", json::object());
    for (const auto& [reason, count] : reasons.items()) {
      RowMaker row;
      row.text(word(one, "name")).text(config::printable(reason, kLongestText));
      for (const char* counts : {"refused_total", "would_be_refused_total", "accept_pauses_total"}) {
        const json counted = one.value(counts, json::object());
        const json counted_before = was.is_object() ? was.value(counts, json()) : json();
        const double total = number(counted, reason.c_str());
        const double fresh = rate(counted_before, counted, reason.c_str(), seconds);
        row.value(fresh, rate_text(fresh), fresh > 0 ? Tone::kBad : Tone::kPlain);
        row.value(total, count_text(total));
      }
      view.rows_above.push_back(row.take());
    }
  }
  const auto all = [](const Row& row) { return row.values[3] + row.values[5] + row.values[7]; };
  std::erase_if(view.rows_above, [&](const Row& row) { return all(row) == 0; });
  std::stable_sort(view.rows_above.begin(), view.rows_above.end(),
                   [&](const Row& a, const Row& b) { return all(a) > all(b); });
}

PageView refusals(const Reading& before, const Reading& now, double seconds) {
  PageView view;
  add_reasons(view, before, now, seconds);
  view.columns = {{"TIME"}, {"LISTENER"}, {"CLIENT"}, {"REASON"}, {""}};
  for (const json& one : list(now.detail, "refusals")) {
    view.rows.push_back(RowMaker()
                            .text(word(one, "time"))
                            .text(word(one, "listener"))
                            .text(word(one, "client"))
                            .text(word(one, "reason"), Tone::kBad)
                            .text(one.value("dry_run", false) ? "let in: dry run" : "", Tone::kDim)
                            .take());
  }
  return view;
}

}  // namespace

PageView view_of(Page page, const Reading& before, const Reading& now, double seconds) {
  switch (page) {
    case Page::kBackends:
      return backends(before, now, seconds);
    case Page::kListeners:
      return listeners(before, now, seconds);
    case Page::kSessions:
      return sessions(now);
    case Page::kClients:
      return clients(now);
    case Page::kRefusals:
      return refusals(before, now, seconds);
  }
  return {};
}

void arrange(PageView& view, const std::string& filter, std::size_t column, bool is_reversed) {
  const auto has_it = [&](const Row& row) {
    return std::any_of(row.cells.begin(), row.cells.end(),
                       [&](const Cell& cell) { return cell.text.find(filter) != std::string::npos; });
  };
  for (std::vector<Row>* rows : {&view.rows, &view.rows_above}) {
    std::erase_if(*rows, [&](const Row& row) { return !filter.empty() && !has_it(row); });
  }
  if (column >= view.columns.size()) return;
  const auto is_before = [column](const Row& a, const Row& b) {
    if (std::isnan(a.values[column])) return a.cells[column].text < b.cells[column].text;
    return a.values[column] > b.values[column];
  };
  std::stable_sort(view.rows.begin(), view.rows.end(), [&](const Row& a, const Row& b) {
    return is_reversed ? is_before(b, a) : is_before(a, b);
  });
}

Totals totals_of(const Reading& before, const Reading& now, double seconds) {
  Totals totals;
  for (const json& one : list(now.listeners, "listeners")) {
    const json& was = same(list(before.listeners, "listeners"), one);
    totals.accepted += rate(was, one, "accepted_total", seconds);
    totals.upload_bytes += rate(was, one, "upload_bytes_total", seconds);
    totals.download_bytes += rate(was, one, "download_bytes_total", seconds);
    if (!was.is_object() || seconds <= 0) continue;
    const double more = sum(one.value("refused_total", json())) - sum(was.value("refused_total", json()));
    totals.refused += std::max(0.0, more / seconds);
  }
  for (const json& pool : list(now.pools, "pools")) {
    totals.healthy += static_cast<std::uint64_t>(number(pool, "healthy"));
    totals.waiting += static_cast<std::uint64_t>(number(pool, "waiting"));
    for (const json& one : list(pool, "backends")) totals.backends += one.value("left", false) ? 0 : 1;
  }
  totals.connections = static_cast<std::uint64_t>(number(now.process, "connections"));
  totals.most = static_cast<std::uint64_t>(number(now.process, "max_connections"));
  return totals;
}

}  // namespace weir::cli
