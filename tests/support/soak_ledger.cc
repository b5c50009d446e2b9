#include "support/soak_ledger.h"

#include <algorithm>
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
// time, are its sessions, in time.
void Ledger::join(std::vector<std::string> log, Tally& tally) {
  std::map<std::string, std::vector<Session*>> by_address;
  for (auto& [number, session] : sessions_) {
    by_address[session.address + " " + std::string(listener_of(session.kind))].push_back(&session);
  }
  for (auto& [address, sessions] : by_address) {
    std::ranges::sort(sessions, {}, [](const Session* session) { return session->client.begun; });
  }
  // A line begins with its time. Those of the two workers may lie a little out of order.
  std::ranges::stable_sort(log, {}, [](const std::string& text) { return text.substr(0, 24); });
  std::map<std::string, std::size_t> used;
  for (std::string& text : log) {
    std::optional<LogLine> line = parse_log_line(text);
    const std::string address = line->text("client") + " " + line->text("listener");
    const std::size_t at = used[address]++;
    if (at >= by_address[address].size()) {
      tally.unexplained.push_back("nobody's session: " + text);
      continue;
    }
    Session& session = *by_address[address][at];
    session.logged = std::move(line);
    session.log_text = std::move(text);
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
