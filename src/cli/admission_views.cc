#include "cli/admission_views.h"

#include "base/units.h"
#include "cli/json_fields.h"

namespace weir::cli {
namespace {

using Answer = nlohmann::json;
using Side = TextTable::Side;

constexpr std::size_t kLongestName = 200;
constexpr const char* kOff = "-";

std::string shown(const Answer& one, const char* name) { return word_of(one, name, kOff, kLongestName); }

std::uint64_t value_of(const Answer& one, const char* name) { return number_of<std::uint64_t>(one, name); }

std::string counted(const Answer& one, const char* name) {
  const std::string text = shown(one, name);
  return text == kOff ? text : base::human_count(value_of(one, name));
}

// "12/100"; nothing is left of it when it is red.
Cell used_of(const Answer& one, const char* used_name, const char* most_name) {
  if (shown(one, most_name) == kOff) return kOff;
  const std::uint64_t used = value_of(one, used_name);
  const std::uint64_t most = value_of(one, most_name);
  const Tone tone = used >= most ? Tone::kBad : used >= most - most / 10 ? Tone::kWarning : Tone::kPlain;
  return {base::human_count(used) + "/" + base::human_count(most), tone};
}

Cell what_happens(const Answer& one) {
  if (one.value("dry_run", false)) return {"dry run: only counted", Tone::kWarning};
  const std::string word = shown(one, "when_exceeded");
  return value_of(one, "tarpit_max") == 0 ? word : word + " " + used_of(one, "tarpitted", "tarpit_max").text;
}

std::string names_of(const Answer& one) {
  std::string out;
  for (const Answer& name : one.value("listeners", Answer::array())) {
    out += (out.empty() ? "" : ",") + config::printable(name.get<std::string>(), kLongestName);
  }
  return out;
}

}  // namespace

std::string limits_text(const Answer& limits, Colours colours) {
  TextTable together({{"LIMITS"},
                      {"OPEN", Side::kRight},
                      {"RATE", Side::kRight},
                      {"BURST USED", Side::kRight},
                      {"UP", Side::kRight},
                      {"DOWN", Side::kRight},
                      {"WHEN EXCEEDED"},
                      {"LISTENERS"}});
  TextTable each({{"EACH CLIENT OF"},
                  {"OPEN", Side::kRight},
                  {"RATE", Side::kRight},
                  {"BURST", Side::kRight},
                  {"CLIENTS", Side::kRight},
                  {"UNLIMITED", Side::kRight}});
  if (const auto process = limits.find("process"); process != limits.end()) {
    together.add({"process", used_of(*process, "connections", "max_connections"),
                  shown(*process, "connection_rate"),
                  used_of(*process, "connection_burst_used", "connection_burst"), kOff, kOff,
                  shown(*process, "when_full"), ""});
  }
  for (const Answer& one : limits.at("limits")) {
    together.add({shown(one, "name"), used_of(one, "connections", "max_connections"),
                  shown(one, "connection_rate"), used_of(one, "connection_burst_used", "connection_burst"),
                  shown(one, "upload_rate"), shown(one, "download_rate"), what_happens(one), names_of(one)});
    if (value_of(one, "client_table_size") == 0) continue;
    const std::uint64_t unlimited = value_of(one, "unlimited_total");
    each.add({shown(one, "name"), counted(one, "client_max_connections"),
              shown(one, "client_connection_rate"), counted(one, "client_connection_burst"),
              used_of(one, "clients", "client_table_size"),
              Cell(base::human_count(unlimited), unlimited == 0 ? Tone::kPlain : Tone::kWarning)});
  }
  const std::string clients = each.text(colours);
  return together.text(colours) + (clients.empty() ? "" : "\n" + clients);
}

std::string refusals_text(const Answer& refusals, Colours colours) {
  TextTable by_reason({{"LISTENER"},
                       {"REASON"},
                       {"REFUSED", Side::kRight},
                       {"DRY RUN", Side::kRight},
                       {"PAUSES", Side::kRight}});
  for (const Answer& one : refusals.value("by_reason", Answer::array())) {
    const std::uint64_t refused = value_of(one, "refused_total");
    by_reason.add({shown(one, "listener"), shown(one, "reason"),
                   Cell(base::human_count(refused), refused == 0 ? Tone::kPlain : Tone::kWarning),
                   counted(one, "would_be_refused_total"), counted(one, "accept_pauses_total")});
  }
  TextTable last({{"TIME"}, {"LISTENER"}, {"CLIENT"}, {"REASON"}, {""}});
  for (const Answer& one : refusals.at("refusals")) {
    last.add({shown(one, "time"), shown(one, "listener"), shown(one, "client"), shown(one, "reason"),
              one.value("dry_run", false) ? Cell("let in: dry run", Tone::kDim) : Cell("")});
  }
  const std::string counts = by_reason.text(colours);
  const std::string samples = last.text(colours);
  if (counts.empty() && samples.empty()) return "nobody was refused\n";
  return counts + (counts.empty() || samples.empty() ? "" : "\n") + samples;
}

}  // namespace weir::cli
