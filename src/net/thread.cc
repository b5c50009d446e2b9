#include "net/thread.h"

#include <pthread.h>

#include <system_error>

namespace weir::net {

base::Result<std::thread> start_thread(const std::string& name, std::function<void()> body) {
  try {
    return std::thread([name, body = std::move(body)] {
      ::pthread_setname_np(::pthread_self(), name.c_str());
      body();
    });
  } catch (const std::system_error& error) {
    return base::failure(
        {base::ErrorSide::kSystem,
         "the thread \"" + name + "\" cannot be started: " + error.code().message() +
             ". The system allows no more threads: raise `ulimit -u` or the container's pids limit "
             "(TasksMax= in systemd), or set process.workers lower"});
  }
}

}  // namespace weir::net
