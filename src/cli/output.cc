#include "cli/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace weir::cli {

void open_standard_descriptors() {
  int opened = 0;
  // The kernel gives the lowest number that is free, open(2).
  do {
    opened = ::open("/dev/null", O_RDWR);
  } while (opened >= 0 && opened <= STDERR_FILENO);
  if (opened > STDERR_FILENO) ::close(opened);
}

bool print(std::string_view text) {
  errno = 0;
  const bool is_out =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!is_out) complain(fmt::format("weir: write to the standard output: {}\n", std::strerror(errno)));
  return is_out;
}

bool wants_no_colours() {
  const char* value = std::getenv("NO_COLOR");
  return value != nullptr && *value != '\0';
}

void complain(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

}  // namespace weir::cli
