#include "support/soak_verdict.h"

#include <algorithm>
#include <initializer_list>

namespace weir::test::soak {
namespace {

class Judge {
 public:
  Judge(const Plan& plan, const Session& session) : plan_(plan), session_(session) {}

  Verdict verdict(const std::vector<Fault>& faults) const {
    if (const std::string wrong = wrong_in_any_case(); !wrong.empty()) {
      return {Verdict::Kind::kUnexplained, wrong};
    }
    if (went_as_planned()) return {};
    if (const std::string mishap = explaining_mishap(); !mishap.empty()) {
      return {Verdict::Kind::kExplained, mishap};
    }
    const auto fault = std::ranges::find_if(faults, [&](const Fault& one) { return explains(one); });
    if (fault != faults.end()) return {Verdict::Kind::kExplained, std::string(word(fault->kind))};
    return {Verdict::Kind::kUnexplained, "no fault explains it"};
  }

 private:
  std::string reason() const { return session_.logged->text("reason"); }
  bool reason_is(std::initializer_list<const char*> reasons) const {
    return std::ranges::find(reasons, reason()) != reasons.end();
  }
  bool was_seen() const { return !session_.seen_by.empty(); }
  bool saw(Outcome outcome) const {
    return session_.client.outcome == outcome || session_.backend.outcome == outcome;
  }
  bool client_closed() const {
    return session_.client.outcome == Outcome::kMishap && plan_.mishap == Mishap::kClientCloses;
  }
  // When either side last had to do with it.
  Clock::time_point ended() const { return std::max(session_.client.ended, session_.backend.ended); }

  // What no fault may bring about.
  std::string wrong_in_any_case() const {
    if (!session_.logged) return "it is not in Weir's log";
    if (saw(Outcome::kWrongBytes)) return "wrong bytes";
    if (saw(Outcome::kFailed)) return "an error that nobody expects";
    if (saw(Outcome::kTimedOut)) return "it stood still";
    if (saw(Outcome::kOpen) && was_seen()) return "it is still open";
    if (saw(Outcome::kEndedEarly) && !client_closed()) return "it was cut and looks whole";
    if (was_seen() && session_.seen_by != session_.logged->text("backend")) {
      return "Weir's log names another backend";
    }
    if (session_.logged->number("upload") > plan_.upload() ||
        session_.logged->number("download") > plan_.download()) {
      return "Weir counts more bytes than there are";
    }
    return "";
  }

  // Weir moved every byte and both ends of stream, in the order that was to be.
  bool was_delivered() const {
    const char* const reason = plan_.first_to_end == Side::kClient ? "client_end" : "backend_end";
    return reason_is({reason}) && session_.logged->number("upload") == plan_.upload() &&
           session_.logged->number("download") == plan_.download();
  }

  // As it was to, and all that it had to send was delivered: what the client does then changes the reason no
  // more.
  bool backend_ended_first() const {
    return plan_.first_to_end == Side::kBackend && reason_is({"backend_end"}) &&
           session_.logged->number("download") == plan_.download();
  }

  bool went_as_planned() const {
    return session_.client.outcome == Outcome::kWhole && session_.backend.outcome == Outcome::kWhole &&
           was_delivered();
  }

  // One that befell this very session. What Weir had delivered whole by then is whole for Weir.
  std::string explaining_mishap() const {
    const bool by_client = session_.client.outcome == Outcome::kMishap;
    const bool by_backend = session_.backend.outcome == Outcome::kMishap;
    const bool explained =
        (by_client && plan_.mishap == Mishap::kClientResets &&
         (reason_is({"client_reset"}) || was_delivered())) ||
        (client_closed() && (reason_is({"client_end", "client_reset"}) || backend_ended_first())) ||
        (by_client && plan_.mishap == Mishap::kClientVanishes &&
         (reason_is({"client_reset", "client_lost", "idle_timeout"}) || was_delivered())) ||
        (by_backend && (reason_is({"backend_reset"}) || was_delivered()));
    return explained ? std::string(word(plan_.mishap)) : "";
  }

  bool overlaps(Clock::time_point begun, Clock::time_point over) const {
    return session_.client.begun <= over && ended() >= begun;
  }

  bool explains(const Fault& fault) const {
    if (fault.backend != session_.logged->text("backend")) return false;
    switch (fault.kind) {
      case FaultKind::kDies:
        // The backend's side may lose what Weir has delivered and it has not read.
        return overlaps(fault.begun, fault.done) && (reason_is({"backend_reset"}) || was_delivered());
      case FaultKind::kStopsListening:
        // What had been accepted goes on.
        return !was_seen() && overlaps(fault.begun, fault.done) && reason_is({"backend_reset"});
      case FaultKind::kHangsShortly:
        return false;
      case FaultKind::kHangs:
        return overlaps(fault.begun, fault.over) && reason_is({"idle_timeout"});
    }
    return false;
  }

  const Plan& plan_;
  const Session& session_;
};

}  // namespace

Verdict judge(const Plan& plan, const Session& session, const std::vector<Fault>& faults) {
  return Judge(plan, session).verdict(faults);
}

}  // namespace weir::test::soak
