// What both sides of the soak say to each other over Weir: greetings, headers, checks, and the session's plan
// played to its end, with an account of it in the ledger.
#pragma once

#include <atomic>
#include <cstdint>

#include "support/endless_stream.h"
#include "support/soak_backend.h"
#include "support/soak_ledger.h"
#include "support/soak_plan.h"

namespace weir::test::soak {

// What all sessions have in common. Outlives them.
struct Common {
  explicit Common(std::uint64_t with_seed) : seed(with_seed), ledger(with_seed) {}

  const std::uint64_t seed;
  const EndlessStream content;
  Ledger ledger;
  std::atomic<std::uint64_t> next_greeting{1};
};

// One connection of a backend: a session's, or that of a check of Weir's.
void serve(Common& common, SoakBackend& backend, Socket& socket, SoakBackend::Port port);

// Where sessions come in.
struct Entrances {
  base::Address plain;
  base::Address greeting;
};

// One session, from the connect to both ends or its mishap. The client's host is one of many.
void visit(Common& common, const Entrances& entrances, std::uint64_t number, Kind kind);

}  // namespace weir::test::soak
