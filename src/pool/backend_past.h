// How a backend stood in a pool of another process, as plain values: what the pool here is to go on from.
// Times are counted from the moment in which it was looked at. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/address.h"
#include "base/clock.h"
#include "pool/backend.h"

namespace weir::pool {

// What an operator wants of something, and what the configuration said of it then: the wish is over when that
// says something else.
template <class Value>
struct Wish {
  Value wanted;
  Value written;

  friend bool operator==(const Wish&, const Wish&) = default;
};

struct BackendPast {
  std::string name;
  base::Address address;
  std::optional<Wish<BackendMode>> mode;  // where the operator wants another one than the configuration says
  std::optional<Wish<std::uint32_t>> weight;  // the same
  bool is_checked = false;                    // a check has told something, and this is what they say:
  bool is_up = true;
  std::string reason;
  std::optional<base::Millis> out_for;  // still: it is ejected, or passed over
  bool is_passed_over = false;          // of the two
  std::string ejected_for;
  unsigned ejections = 0;                   // in a row
  std::optional<base::Millis> ramping_for;  // so long its slow start has lasted
  std::uint32_t connect_time = 0;           // microseconds; 0: not known
};

}  // namespace weir::pool
