// When the requests of a load are due. Each runs for a bounded time, of which the first part, the warm-up, is
// not counted, and then waits for what is still unanswered, as long as there is patience. "begins" and "over"
// on stderr say when the part that is counted begins, and when its time is up: before that wait.
#pragma once

#include "base/clock.h"
#include "load/connections.h"
#include "load/responder.h"

namespace weir::load {

struct Span {
  base::Millis warm_up{0};
  base::Millis length{1'000};
};

// A closed load: each connection asks again as soon as it is answered. As fast as it goes; a server that
// stops for a moment is asked less, so its latencies flatter. With a read rate nothing is waited for, and a
// connection counts as unanswered that in the last quarter of the time received less than half of what it may
// have read.
void run_closed(Connections& connections, const Span& span);

// An open load: `per_second` requests, evenly, whatever becomes of those before. Latency counts from when
// each was due, so that a stop of the server or of this program counts for each one that it delays. Counted
// as unanswered are those for which there was no patience, and all that wait when the load has fallen behind
// by more than a tenth of a second's requests at the end: a rate that cannot be had.
void run_open(Connections& connections, const Span& span, double per_second);

// Each connection asks once, and then stays for the span without a word.
void run_idle(Connections& connections, const Span& span);

// Asks nothing, and answers for the span.
void only_answer(Responder& responder, const Span& span);

}  // namespace weir::load
