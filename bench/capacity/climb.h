// Opens idle connections to one address, one after the other, until something gives, and says what. A
// connection counts once the server's greeting has arrived: what only waits in a queue is not held.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/unique_fd.h"

namespace weir::capacity {

struct Bounds {
  int most = 0;
  base::Millis time{};
  int sources = 1;  // client addresses, 127.0.1.1 and on; the next is taken when one has no port left
};

class Climb {
 public:
  Climb(base::Address target, Bounds bounds) : target_(std::move(target)), bounds_(bounds) {}

  // Goes up until something gives or a bound is reached. `progress` is called now and then with the count.
  void run(const std::function<void(std::size_t)>& progress);

  std::size_t held() const { return held_.size(); }
  // What ended it, for people.
  const std::string& stopped_by() const { return stopped_by_; }
  // Of those held, how many the other side has not ended since.
  std::size_t still_standing() const;

 private:
  bool open_one();
  base::UniqueFd new_socket();
  bool connect_from_some_source(int fd);
  bool stop(std::string reason);

  base::Address target_;
  Bounds bounds_;
  int source_ = 0;
  std::vector<base::UniqueFd> held_;
  std::string stopped_by_;
};

}  // namespace weir::capacity
