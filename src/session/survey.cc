#include "session/survey.h"

#include <algorithm>

namespace weir::session {
namespace {

bool is_about_one(SurveyKind kind) { return kind == SurveyKind::kOne || kind == SurveyKind::kClose; }

SessionTable::Walk walk_for(const SurveyRequest& request, SessionTable& table) {
  if (is_about_one(request.kind)) return SessionTable::Walk(table, request.filter.after);
  return SessionTable::Walk(table);
}

std::uint64_t bytes_of(const SessionView& session) { return session.upload_bytes + session.download_bytes; }

// Those with most bytes first; of those that are alike the oldest.
bool has_more(const SessionView& a, const SessionView& b) {
  return bytes_of(a) != bytes_of(b) ? bytes_of(a) > bytes_of(b) : a.id < b.id;
}

void add_to(ClientSum& sum, const ClientSum& one) {
  sum.client = one.client;
  sum.sessions += one.sessions;
  sum.upload_bytes += one.upload_bytes;
  sum.download_bytes += one.download_bytes;
  sum.oldest = std::max(sum.oldest, one.oldest);
}

// The first `limit` of them, in their order.
template <class List, class IsBefore>
void keep_first(List& list, std::size_t limit, IsBefore is_before) {
  const auto end = list.begin() + static_cast<std::ptrdiff_t>(std::min(limit, list.size()));
  std::partial_sort(list.begin(), end, list.end(), is_before);
  list.erase(end, list.end());
}

}  // namespace

SurveyFindings findings_of(SurveyParts&& parts) {
  SurveyFindings findings;
  SurveyPart all;
  for (SurveyPart& part : parts.parts) {
    findings.matching += part.matching;
    std::move(part.sessions.begin(), part.sessions.end(), std::back_inserter(findings.sessions));
    for (const auto& [address, sum] : part.clients) add_to(all.clients[address], sum);
    if (part.one) findings.one = std::move(part.one);
  }
  if (parts.request.kind == SurveyKind::kByBytes) {
    keep_first(findings.sessions, parts.request.limit, has_more);
  } else {
    keep_first(findings.sessions, parts.request.limit,
               [](const SessionView& a, const SessionView& b) { return a.id < b.id; });
  }
  findings.distinct_clients = all.clients.size();
  using Entry = std::pair<SurveyPart::Address, ClientSum>;
  std::vector<Entry> clients(all.clients.begin(), all.clients.end());
  keep_first(clients, parts.request.limit, [](const Entry& a, const Entry& b) {
    if (a.second.sessions != b.second.sessions) return a.second.sessions > b.second.sessions;
    return std::pair(a.first.bits.high, a.first.bits.low) < std::pair(b.first.bits.high, b.first.bits.low);
  });
  for (Entry& entry : clients) findings.clients.push_back(std::move(entry.second));
  return findings;
}

SurveyWalk::SurveyWalk(std::shared_ptr<Survey> survey, SessionTable& table, std::size_t worker)
    : survey_(std::move(survey)), walk_(walk_for(survey_->request(), table)), worker_(worker) {}

bool SurveyWalk::step() {
  const base::TimePoint now = base::precise_now();
  for (std::size_t i = 0; i < kStep; ++i) {
    Session* session = walk_.next();
    if (session == nullptr) {
      survey_->add(std::move(part_));
      return true;
    }
    take(*session, now);
  }
  return false;
}

void SurveyWalk::take_one(Session& session) {
  if (session.id() != survey_->request().filter.after) return;
  part_.matching = 1;
  if (survey_->request().kind == SurveyKind::kClose) return session.close(CloseReason::kOperator);
  part_.one = session.detail();
  part_.one->view.worker = worker_;
}

void SurveyWalk::take(Session& session, base::TimePoint now) {
  const SurveyRequest& request = survey_->request();
  if (is_about_one(request.kind)) return take_one(session);
  if (!session.matches(request.filter, now)) return;
  ++part_.matching;
  if (request.kind == SurveyKind::kByBytes) return take_by_bytes(session);
  if (request.kind == SurveyKind::kByClient) {
    const ClientSum sum = session.as_client(now);
    return add_to(part_.clients[{base::ip_bits(sum.client)}], sum);
  }
  // The walk goes by ids: those after a full page are only counted.
  if (part_.sessions.size() >= request.limit) return;
  part_.sessions.push_back(session.view());
  part_.sessions.back().worker = worker_;
}

// A heap whose top is the one that has moved least.
void SurveyWalk::take_by_bytes(const Session& session) {
  std::vector<SessionView>& most = part_.sessions;
  if (most.size() >= survey_->request().limit) {
    if (session.bytes() <= bytes_of(most.front())) return;
    std::pop_heap(most.begin(), most.end(), has_more);
    most.pop_back();
  }
  most.push_back(session.view());
  most.back().worker = worker_;
  std::push_heap(most.begin(), most.end(), has_more);
}

}  // namespace weir::session
