// What a backend gets before anything that the relay reads: a header of our own about the client, and what
// was read of the client's bytes before there was a backend. It goes out first, whole, whatever the backend
// says meanwhile. Lives with its relay until it has been sent.
#pragma once

#include <string>

#include "relay/direction.h"
#include "relay/end.h"
#include "relay/pumped.h"

namespace weir::relay {

class Preface {
 public:
  Preface() = default;
  Preface(std::string header, std::string_view read_ahead)
      : bytes_(std::move(header)), header_(bytes_.size()) {
    bytes_ += read_ahead;
  }

  bool is_empty() const { return bytes_.empty(); }
  // Of the client's own bytes among them.
  std::size_t read_ahead() const { return bytes_.size() - header_; }

  // Sends what is left. `kMore`: all of it is out. Otherwise `kBlocked`, to be called again, or what has
  // become of the target. The client's own bytes are counted in `upload`, which carries them.
  Pumped send(Direction& upload, const End& target);

 private:
  std::string bytes_;
  std::size_t header_ = 0;  // so many of them are no client's
  std::size_t sent_ = 0;
};

}  // namespace weir::relay
