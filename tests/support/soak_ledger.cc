#include "support/soak_ledger.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "support/soak_verdict.h"

namespace weir::test::soak {
namespace {

std::string line_of(const Session& session, const Verdict& verdict) {
  const auto side = [](const Account& account) {
    return std::string(word(account.outcome)) + (account.words.empty() ? "" : " (" + account.words + ")");
  };
  const std::string backend = session.logged ? session.logged->text("backend") : session.seen_by;
  const std::string reason = session.logged ? session.logged->text("reason") : "";
  return "session=" + std::to_string(session.number) + " kind=" + std::string(word(session.kind)) +
         " client=" + session.address + " backend=" + (backend.empty() ? "-" : backend) +
         " reason=" + (reason.empty() ? "-" : reason) + " client_saw=\"" + side(session.client) +
         "\" backend_saw=\"" + side(session.backend) + "\" why=\"" + verdict.why + "\"";
}

// When the session of a line came, in microseconds; exact to the millisecond of the line's time, at its end.
std::int64_t begun(const std::string& text, const LogLine& line) {
  std::tm time{};
  ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &time);
  const std::int64_t ended =
      std::int64_t{::timegm(&time)} * 1'000'000 + std::stoll(text.substr(20, 3)) * 1'000;
  return ended - static_cast<std::int64_t>(line.number("duration_us"));
}

std::string_view listener_of(Kind kind) { return is_greeted(kind) ? "greeting" : "web"; }

std::string listed(const std::map<std::string, std::size_t>& counts) {
  std::string text;
  for (const auto& [what, count] : counts) {
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + what;
  }
  return text.empty() ? "none" : text;
}

void add_counts(std::map<std::string, std::size_t>& to, const std::map<std::string, std::size_t>& from) {
  for (const auto& [what, count] : from) to[what] += count;
}

}  // namespace

void Tally::add(const Tally& other) {
  sessions += other.sessions;
  bytes += other.bytes;
  add_counts(kinds, other.kinds);
  add_counts(explained, other.explained);
  add_counts(faults, other.faults);
  unexplained.insert(unexplained.end(), other.unexplained.begin(), other.unexplained.end());
}

std::string Tally::to_string() const {
  return std::to_string(sessions) + " sessions (" + listed(kinds) + "), " + std::to_string(bytes >> 20) +
         " MiB; faults of backends: " + listed(faults) +
         "; disturbed sessions by fault: " + listed(explained) +
         "; unexplained: " + std::to_string(unexplained.size());
}

void Ledger::client_done(std::uint64_t number, Kind kind, const std::string& address, Account account) {
  const std::lock_guard lock(mutex_);
  Session& session = sessions_[number];
  session.number = number;
  session.kind = kind;
  session.address = address;
  session.client = std::move(account);
  ++clients_;
}

bool Ledger::backend_begins(std::uint64_t number, const std::string& backend) {
  const std::lock_guard lock(mutex_);
  Session& session = sessions_[number];
  if (!session.seen_by.empty()) {
    strangers_.push_back("session " + std::to_string(number) + " came to " + session.seen_by + " and to " +
                         backend);
    return false;
  }
  session.seen_by = backend;
  ++open_at_backends_;
  return true;
}

void Ledger::backend_done(std::uint64_t number, Account account) {
  const std::lock_guard lock(mutex_);
  sessions_[number].backend = std::move(account);
  --open_at_backends_;
}

void Ledger::stranger(const std::string& what) {
  const std::lock_guard lock(mutex_);
  strangers_.push_back(what);
}

std::size_t Ledger::sessions() const {
  const std::lock_guard lock(mutex_);
  return clients_;
}

std::size_t Ledger::open_at_backends() const {
  const std::lock_guard lock(mutex_);
  return open_at_backends_;
}

// A client's port may be used for both listeners at a time, and again in a round: the lines on the two, in
// the time in which they came, are its sessions, in time. They may end in another order: what the first has
// sent is still being delivered when its client has gone.
void Ledger::join(const std::vector<std::string>& log, Tally& tally) {
  std::map<std::string, std::vector<Session*>> by_address;
  for (auto& [number, session] : sessions_) {
    by_address[session.address + " " + std::string(listener_of(session.kind))].push_back(&session);
  }
  for (auto& [address, sessions] : by_address) {
    std::ranges::sort(sessions, {}, [](const Session* session) { return session->client.begun; });
  }
  std::map<std::string, std::multimap<std::int64_t, const std::string*>> lines;
  for (const std::string& text : log) {
    const LogLine line = parse_log_line(text).value();
    lines[line.text("client") + " " + line.text("listener")].emplace(begun(text, line), &text);
  }
  for (const auto& [address, in_time] : lines) {
    std::size_t at = 0;
    for (const auto& [time, text] : in_time) {
      const std::size_t place = at++;
      if (place >= by_address[address].size()) {
        tally.unexplained.push_back("nobody's session: " + *text);
        continue;
      }
      Session& session = *by_address[address][place];
      session.logged = parse_log_line(*text);
      session.log_text = *text;
    }
  }
}

Tally Ledger::close(const std::vector<std::string>& log, const std::vector<Fault>& faults, Journal& journal) {
  const std::lock_guard lock(mutex_);
  Tally tally;
  tally.unexplained = std::exchange(strangers_, {});
  for (const Fault& fault : faults) ++tally.faults[std::string(word(fault.kind))];
  join(log, tally);
  for (const auto& [number, session] : sessions_) {
    ++tally.sessions;
    ++tally.kinds[std::string(word(session.kind))];
    if (session.logged) tally.bytes += session.logged->number("upload") + session.logged->number("download");
    const Verdict verdict = judge(plan_of(seed_, number, session.kind), session, faults);
    if (verdict.kind == Verdict::Kind::kWhole) continue;
    const std::string line = line_of(session, verdict);
    if (verdict.kind == Verdict::Kind::kExplained) {
      ++tally.explained[verdict.why];
      journal.write(session.client.ended, "disturbed " + line);
    } else {
      tally.unexplained.push_back(line + "\n    Weir: " + session.log_text);
      journal.write(session.client.ended, "UNEXPLAINED " + line);
    }
  }
  sessions_.clear();
  clients_ = 0;
  return tally;
}

}  // namespace weir::test::soak
