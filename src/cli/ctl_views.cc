#include "cli/ctl_views.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "cli/json_fields.h"
#include "config/text.h"

namespace weir::cli {
namespace {

using Side = TextTable::Side;

constexpr std::size_t kLongestText = 2000;

std::string word(const Json& object, const char* name) { return word_of(object, name, "-", kLongestText); }
std::uint64_t number(const Json& object, const char* name) { return number_of<std::uint64_t>(object, name); }
bool flag(const Json& object, const char* name) { return object.value(name, false); }

std::string count(const Json& object, const char* name) { return base::human_count(number(object, name)); }
std::string bytes(const Json& object, const char* name) { return base::human_bytes(number(object, name)); }
std::string time(const Json& object, const char* name) {
  return human_time(static_cast<std::int64_t>(number(object, name)));
}

std::uint64_t sum(const Json& counts) {
  std::uint64_t all = 0;
  for (const auto& [name, value] : counts.items()) all += value.get<std::uint64_t>();
  return all;
}

std::string joined(const Json& texts, std::string_view between) {
  std::string out;
  for (const Json& text : texts) {
    out +=
        (out.empty() ? "" : std::string(between)) + config::printable(text.get<std::string>(), kLongestText);
  }
  return out;
}

Cell alarming(std::uint64_t value, Tone tone) {
  return {base::human_count(value), value == 0 ? Tone::kPlain : tone};
}

void add_backends(TextTable& table, const Json& pool) {
  for (const Json& one : pool.at("backends")) {
    const std::string state = flag(one, "passed_over") ? "passed over" : word(one, "state");
    const std::string most = one.contains("max_connections") ? count(one, "max_connections") : "";
    const std::uint64_t connect = number(one, "connect_us");
    const double ratio = one.value("weight_ratio", 1.0);
    const std::string weight =
        ratio < 1 ? fmt::format("{} x{:.1f}", number(one, "weight"), ratio) : word(one, "weight");
    table.add({word(pool, "name"), word(one, "name"), Cell(state, tone_of_state(state)),
               flag(one, "backup") ? "backup" : "", weight,
               most.empty() ? count(one, "in_flight") : count(one, "in_flight") + "/" + most,
               count(one, "sessions_total"), alarming(number(one, "connect_failures_total"), Tone::kWarning),
               alarming(number(one, "checks_failed_total"), Tone::kWarning),
               connect == 0 ? "-" : fmt::format("{:.1f} ms", static_cast<double>(connect) / 1000),
               bytes(one, "upload_bytes_total"), bytes(one, "download_bytes_total"),
               one.contains("state_reason") ? Cell(word(one, "state_reason"), Tone::kDim) : Cell("")});
  }
}

TextTable backend_table() {
  return TextTable({{"POOL"},
                    {"BACKEND"},
                    {"STATE"},
                    {"ROLE"},
                    {"WEIGHT", Side::kRight},
                    {"OPEN", Side::kRight},
                    {"SESSIONS", Side::kRight},
                    {"FAILED", Side::kRight},
                    {"BAD CHECKS", Side::kRight},
                    {"CONNECT", Side::kRight},
                    {"UP", Side::kRight},
                    {"DOWN", Side::kRight},
                    {"REASON"}});
}

void add_line(std::string& out, std::string_view name, const std::string& value, Colours colours) {
  if (value.empty() || value == "-") return;
  out += toned(fmt::format("{:<16}", name), Tone::kDim, colours) + value + "\n";
}

std::string socket_words(const Json& socket) {
  std::string out = word(socket, "remote") + " (here " + word(socket, "local") + ")";
  if (const Json& tls = socket.at("tls"); !tls.is_null()) {
    out += fmt::format(", {} {}{}", word(tls, "version"), word(tls, "cipher"),
                       flag(tls, "resumed") ? " resumed" : "");
    if (!tls.at("alpn").is_null()) out += " " + word(tls, "alpn");
    if (!tls.at("peer_subject").is_null()) out += ", certificate of " + word(tls, "peer_subject");
  }
  return out;
}

std::string tcp_words(const Json& socket) {
  const Json& tcp = socket.at("tcp");
  if (tcp.is_null()) return "";
  const std::uint64_t rate = number(tcp, "delivery_rate");
  return fmt::format(
      "{}, rtt {:.2f} ms (least {:.2f}), window {} of {} bytes, unacknowledged {}, unsent {}, sent again "
      "{} ({}){}, heard {} ago",
      word(tcp, "state"), static_cast<double>(number(tcp, "rtt_us")) / 1000,
      static_cast<double>(number(tcp, "least_rtt_us")) / 1000, word(tcp, "congestion_window"),
      word(tcp, "send_segment"), word(tcp, "segments_unacknowledged"), bytes(tcp, "bytes_unsent"),
      word(tcp, "segments_retransmitted"), bytes(tcp, "bytes_retransmitted"),
      rate == 0 ? "" : ", " + base::human_bytes(rate) + "/s", time(tcp, "since_received_ms"));
}

}  // namespace

std::string human_time(std::int64_t millis) {
  const std::int64_t seconds = millis / 1000;
  if (millis < 1000) return fmt::format("{} ms", millis);
  if (seconds < 60) return fmt::format("{}.{} s", seconds, millis % 1000 / 100);
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  if (seconds < 86'400) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{} d {} h", seconds / 86'400, seconds / 3600 % 24);
}

std::string processes_text(const Json& processes, Colours colours) {
  TextTable table({{"PROCESS", Side::kRight}, {"STATE"}, {"SINCE"}, {"KEEPS ITS SESSIONS UNTIL"}});
  for (const Json& one : processes.at("processes")) {
    const std::string state = word(one, "state");
    const bool is_retired = state == "retired";
    const bool has_end = !one.at("drains_until").is_null();
    table.add({word(one, "pid"), Cell(state, is_retired ? Tone::kWarning : Tone::kGood), word(one, "since"),
               has_end      ? word(one, "drains_until")
               : is_retired ? "they end"
                            : ""});
  }
  return table.text(colours);
}

std::string listeners_text(const Json& listeners, Colours colours) {
  TextTable table({{"LISTENER"},
                   {"ADDRESS"},
                   {"POOL"},
                   {"OPEN", Side::kRight},
                   {"ACCEPTED", Side::kRight},
                   {"REFUSED", Side::kRight},
                   {"QUEUE", Side::kRight},
                   {"UP", Side::kRight},
                   {"DOWN", Side::kRight}});
  for (const Json& one : listeners.at("listeners")) {
    std::uint64_t depth = 0;
    std::uint64_t limit = 0;
    for (const Json& queue : one.at("accept_queues")) {
      depth += number(queue, "depth");
      limit += number(queue, "limit");
    }
    table.add({word(one, "name"), joined(one.at("addresses"), ","), word(one, "pool"),
               count(one, "sessions_open"), count(one, "accepted_total"),
               alarming(sum(one.at("refused_total")), Tone::kWarning),
               limit == 0 ? "-" : fmt::format("{}/{}", depth, limit), bytes(one, "upload_bytes_total"),
               bytes(one, "download_bytes_total")});
  }
  return table.text(colours);
}

std::string pools_text(const Json& pools, Colours colours) {
  TextTable table({{"POOL"},
                   {"HEALTHY", Side::kRight},
                   {"OPEN", Side::kRight},
                   {"WAITING", Side::kRight},
                   {"RETRIES", Side::kRight},
                   {"DENIED", Side::kRight},
                   {"QUEUE FULL", Side::kRight},
                   {"TO FALLBACK", Side::kRight},
                   {""}});
  for (const Json& one : pools.at("pools")) {
    std::uint64_t open = 0;
    for (const Json& backend : one.at("backends")) open += number(backend, "in_flight");
    const std::uint64_t healthy = number(one, "healthy");
    const Json& backends = one.at("backends");
    const auto all = static_cast<std::size_t>(std::count_if(
        backends.begin(), backends.end(), [](const Json& backend) { return !backend.value("left", false); }));
    const Tone tone = healthy == 0 ? Tone::kBad : healthy < all ? Tone::kWarning : Tone::kGood;
    table.add({word(one, "name"), Cell(fmt::format("{}/{}", healthy, all), tone), base::human_count(open),
               alarming(number(one, "waiting"), Tone::kWarning), count(one, "retries_total"),
               alarming(number(one, "retries_denied_total"), Tone::kWarning),
               alarming(number(one, "queue_refused_total"), Tone::kWarning), count(one, "fallbacks_total"),
               flag(one, "panic") ? Cell("panic: all are used", Tone::kBad) : Cell("")});
  }
  return table.text(colours);
}

std::string backends_text(const Json& pools, const std::string& pool, Colours colours) {
  TextTable table = backend_table();
  for (const Json& one : pools.at("pools")) {
    if (pool.empty() || one.at("name") == pool) add_backends(table, one);
  }
  return table.text(colours);
}

std::string names_text(const Json& found, const std::string& what, const std::string& pool) {
  std::string out;
  const auto add = [&out](const Json& all) {
    for (const Json& one : all) out += word(one, "name") + "\n";
  };
  if (what != "backends") {
    add(found.at(what));
    return out;
  }
  for (const Json& one : found.at("pools")) {
    if (pool.empty() || one.at("name") == pool) add(one.at("backends"));
  }
  return out;
}

std::string overview_text(const Json& process, const Json& listeners, const Json& pools, Colours colours) {
  const bool drains = word(process, "state") == "draining";
  std::string out = fmt::format(
      "weir {}   process {}   {} for {}   connections {} of {}   log level {}\n", word(process, "version"),
      word(process, "pid"), toned(word(process, "state"), drains ? Tone::kWarning : Tone::kGood, colours),
      human_time(static_cast<std::int64_t>(number(process, "uptime_seconds")) * 1000),
      count(process, "connections"), count(process, "max_connections"), word(process, "log_level"));
  if (flag(process, "syn_flood")) out += toned("a SYN flood is going on\n", Tone::kBad, colours);
  if (flag(process, "accept_overflow")) out += toned("accept queues overflow\n", Tone::kBad, colours);
  return out + "\n" + listeners_text(listeners, colours) + "\n" + pools_text(pools, colours) + "\n" +
         backends_text(pools, "", colours);
}

std::string sessions_text(const Json& sessions, Colours colours) {
  TextTable table({{"ID"},
                   {"LISTENER"},
                   {"CLIENT"},
                   {"POOL"},
                   {"BACKEND"},
                   {"STATE"},
                   {"AGE", Side::kRight},
                   {"IDLE", Side::kRight},
                   {"UP", Side::kRight},
                   {"DOWN", Side::kRight},
                   {"NAME"}});
  for (const Json& one : sessions.at("sessions")) {
    table.add(
        {word(one, "id"), word(one, "listener"), word(one, "client"), word(one, "pool"), word(one, "backend"),
         flag(one, "waits_for_place") ? Cell("waits", Tone::kWarning) : Cell(word(one, "state")),
         time(one, "age_ms"), time(one, "idle_ms"), bytes(one, "upload_bytes"), bytes(one, "download_bytes"),
         one.at("server_name").is_null() ? "" : word(one, "server_name")});
  }
  std::string out = table.text(colours);
  const std::uint64_t matching = number(sessions, "matching");
  const std::size_t shown = sessions.at("sessions").size();
  if (matching == 0) return "no session\n";
  if (matching > shown) {
    out += toned(fmt::format("{} of {}", shown, base::human_count(matching)), Tone::kDim, colours);
    if (!sessions.at("next").is_null()) {
      out += toned(fmt::format("; the next: --after {}", word(sessions, "next")), Tone::kDim, colours);
    }
    out += "\n";
  }
  return out;
}

std::string session_text(const Json& one, Colours colours) {
  std::string out;
  add_line(out, "session", fmt::format("{}, on worker {}", word(one, "id"), word(one, "worker")), colours);
  add_line(out, "state", flag(one, "waits_for_place") ? "connect, waits for a place" : word(one, "state"),
           colours);
  add_line(out, "age", fmt::format("{}, idle for {}", time(one, "age_ms"), time(one, "idle_ms")), colours);
  add_line(out, "moved",
           fmt::format("{} up, {} down", bytes(one, "upload_bytes"), bytes(one, "download_bytes")), colours);
  add_line(out, "listener", word(one, "listener"), colours);
  add_line(out, "client", word(one, "client"), colours);
  add_line(out, "asks for", word(one, "server_name"), colours);
  add_line(out, "speaks", word(one, "alpn"), colours);
  add_line(out, "proxy", word(one, "proxy"), colours);
  add_line(out, "destination", word(one, "destination"), colours);
  add_line(out, "client socket", socket_words(one.at("client_socket")), colours);
  add_line(out, "", tcp_words(one.at("client_socket")), colours);
  add_line(out, "pool", word(one, "pool"), colours);
  add_line(out, "backend", word(one, "backend"), colours);
  for (const Json& why : one.at("why")) {
    add_line(out, &why == &one.at("why").front() ? "why" : "",
             config::printable(why.get<std::string>(), kLongestText), colours);
  }
  if (number(one, "attempts") > 0) add_line(out, "attempts", word(one, "attempts"), colours);
  if (const std::uint64_t connect = number(one, "connect_us"); connect > 0) {
    add_line(out, "connect", fmt::format("{:.1f} ms", static_cast<double>(connect) / 1000), colours);
  }
  if (!one.at("backend_socket").is_null()) {
    add_line(out, "backend socket", socket_words(one.at("backend_socket")), colours);
    add_line(out, "", tcp_words(one.at("backend_socket")), colours);
  }
  for (const Json& deadline : one.at("deadlines")) {
    const auto left = deadline.value("left_ms", std::int64_t{0});
    add_line(out, word(deadline, "setting"), left < 0 ? "due" : "in " + human_time(left), colours);
  }
  return out;
}

std::string clients_text(const Json& clients, Colours colours) {
  TextTable table({{"CLIENT"},
                   {"SESSIONS", Side::kRight},
                   {"UP", Side::kRight},
                   {"DOWN", Side::kRight},
                   {"OLDEST", Side::kRight}});
  for (const Json& one : clients.at("clients")) {
    table.add({word(one, "client"), count(one, "sessions_open"), bytes(one, "upload_bytes"),
               bytes(one, "download_bytes"), time(one, "oldest_ms")});
  }
  if (clients.at("clients").empty()) return "no client\n";
  return table.text(colours) +
         toned(fmt::format("{} of {} clients, {} sessions", clients.at("clients").size(),
                           count(clients, "distinct"), count(clients, "matching")),
               Tone::kDim, colours) +
         "\n";
}

std::string settings_text(const Json& configuration, const std::string& part, Colours colours) {
  TextTable table({{"SETTING"}, {"VALUE"}, {"WRITTEN"}, {""}});
  for (const Json& one : configuration.at("settings")) {
    const std::string name = word(one, "setting");
    if (name.find(part) == std::string::npos) continue;
    const bool is_default = one.at("place").is_null();
    table.add({name,
               flag(one, "is_secret") ? Cell("(from the environment)", Tone::kDim) : Cell(word(one, "value")),
               is_default ? Cell("default", Tone::kDim) : Cell(word(one, "place")),
               word(one, "takes") == "restart" ? Cell("takes a restart", Tone::kDim) : Cell("")});
  }
  return table.text(colours);
}

std::string reload_text(const Json& report, Colours colours) {
  std::string out;
  for (const Json& one : report.value("problems", Json::array())) {
    const bool is_error = word(one, "severity") == "error";
    const std::string place = one.at("place").is_null() ? "" : word(one, "place") + ": ";
    out += place + toned(word(one, "severity"), is_error ? Tone::kBad : Tone::kWarning, colours) + ": " +
           word(one, "text") + "\n";
  }
  if (report.contains("error")) return out + toned(word(report, "error"), Tone::kBad, colours) + "\n";
  for (const Json& one : report.value("changes", Json::array())) {
    out += "  " + word(one, "setting");
    if (!one.at("before").is_null()) out += ": " + word(one, "before");
    if (!one.at("after").is_null()) out += (one.at("before").is_null() ? ": " : " -> ") + word(one, "after");
    if (one.at("after").is_null() && one.at("before").is_null()) out += ": " + word(one, "kind");
    if (word(one, "kind") == "gone" && !one.at("before").is_null()) out += " (gone)";
    if (word(one, "takes") == "restart")
      out += toned(" (only a restart brings this about)", Tone::kWarning, colours);
    out += "\n";
  }
  const std::uint64_t gone = number(report, "sessions_kept") + number(report, "sessions_draining") +
                             number(report, "sessions_closing");
  out += fmt::format(
      "{}, {} in {} ms", word(report, "done"),
      report.at("changes").size() == 1 ? "1 change" : fmt::format("{} changes", report.at("changes").size()),
      number(report, "took_ms"));
  if (gone > 0) {
    out += fmt::format("; sessions at backends that are gone: {} kept, {} draining, {} closing",
                       count(report, "sessions_kept"), count(report, "sessions_draining"),
                       count(report, "sessions_closing"));
  }
  return out + "\n";
}

}  // namespace weir::cli
