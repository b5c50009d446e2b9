// What became of the requests of a load. Plain counts, and the line in which they are told.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "load/histogram.h"

namespace weir::load {

struct Tally {
  std::uint64_t requests = 0;  // answered with 200, each byte of the answer there
  std::uint64_t bytes = 0;     // that came, headers included
  Histogram latency;           // of those, each from the moment when it was due

  std::uint64_t connect_errors = 0;  // no connection came about
  std::uint64_t read_errors = 0;     // it ended, was reset, answered something else or spoke unasked
  std::uint64_t status_errors = 0;   // an answer other than 200
  std::uint64_t timeouts = 0;        // no answer while there was patience
  // Due, and not answered when the load was over: the rate was too much; or slow readers that got too little.
  std::uint64_t unanswered = 0;

  double seconds = 0;      // in which these came
  double cpu_seconds = 0;  // this process's, user and system, in that time

  // One line of JSON with the names above; of the latency p50, p99, p99.9 and the most in microseconds.
  std::string to_json() const;
};

}  // namespace weir::load
