// The configurations of the soak, one after the other: each has other workers, options of listeners, policies
// or backends than the one before, and a listener comes and goes, so that a reload or an upgrade from any of
// them to the next changes what matters and explains no loss.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "support/configuration.h"
#include "support/listener.h"
#include "support/soak_backend.h"

namespace weir::test::soak {

inline constexpr unsigned kWorkers = 2;  // of the first configuration
inline constexpr unsigned kMostWorkers = 3;

class SoakWorld {
 public:
  // `backends` outlive it.
  explicit SoakWorld(const std::vector<std::unique_ptr<SoakBackend>>& backends) : backends_(backends) {}

  // The `variant`th; the first, 0, is what Weir starts with.
  Configuration configuration(std::size_t variant) const;

  // The same with a mistake, of which there are several kinds in turn.
  std::string broken(std::size_t variant) const;

 private:
  const std::vector<std::unique_ptr<SoakBackend>>& backends_;
  const Listener taken_;  // an address that is not free
};

}  // namespace weir::test::soak
