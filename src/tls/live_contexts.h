// The contexts that a listener serves with now. A reload puts others in their place; whoever has the old ones
// goes on with them. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "base/assert.h"
#include "tls/server_contexts.h"

namespace weir::tls {

class LiveContexts {
 public:
  // Precondition, here and below: not null.
  explicit LiveContexts(std::shared_ptr<const ServerContexts> contexts) : contexts_(std::move(contexts)) {
    WEIR_ASSERT(contexts_ != nullptr);
  }

  std::shared_ptr<const ServerContexts> current() const {
    const std::lock_guard lock(mutex_);
    return contexts_;
  }

  void replace(std::shared_ptr<const ServerContexts> contexts) {
    WEIR_ASSERT(contexts != nullptr);
    // The old ones may end with the argument, which is after the lock.
    const std::lock_guard lock(mutex_);
    contexts_.swap(contexts);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const ServerContexts> contexts_;
};

}  // namespace weir::tls
