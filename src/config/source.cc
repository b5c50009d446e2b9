#include "config/source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <glob.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/unique_fd.h"
#include "base/units.h"
#include "config/limits.h"
#include "config/text.h"

namespace weir::config {
namespace {

tl::unexpected<std::string> refuse(std::string text) { return tl::unexpected(std::move(text)); }

std::string read_failure(int error) {
  switch (error) {
    case ENOENT:
      return "the file does not exist";
    case EACCES:
      return "the file may not be read by this user: permission denied";
    case EISDIR:
      return "this is a directory, expected a file";
    default:
      return fmt::format("the file cannot be read: {}", base::system_error("read", error).message());
  }
}

// With the slash at its end; empty for the current one.
std::string directory_of(const std::string& file) { return file.substr(0, file.rfind('/') + 1); }

// The directory is no pattern, whatever letters are in its name.
std::string escaped(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (std::string_view("*?[\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

// A directory that is not there holds no matches; one that cannot be read is an error.
int stops_search(const char* /*path*/, int error) { return error == ENOENT || error == ENOTDIR ? 0 : 1; }

std::string too_large(std::size_t most_bytes) {
  return fmt::format("the file is larger than the {} MiB that are allowed", most_bytes >> 20);
}

// False: in this time nothing has come, nor has it ended.
bool has_input(int fd, base::TimePoint deadline) {
  for (;;) {
    pollfd wanted{fd, POLLIN, 0};
    const auto left = std::chrono::ceil<base::Millis>(deadline - base::precise_now());
    const int ready = ::poll(&wanted, 1, static_cast<int>(std::max(left, base::Millis(0)).count()));
    if (ready >= 0 || errno != EINTR) return ready != 0;
  }
}

Value<std::string> read_all(int fd, std::size_t most_bytes, base::Millis patience = kReadPatience) {
  const base::TimePoint deadline = base::precise_now() + patience;
  std::string text;
  char chunk[16384];
  while (text.size() <= most_bytes) {
    if (!has_input(fd, deadline)) {
      return refuse(fmt::format("its end did not come within {}: whoever writes to this pipe must end it",
                                base::to_string(patience)));
    }
    const ssize_t count = ::read(fd, chunk, sizeof(chunk));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return refuse(read_failure(errno));
    if (count == 0) return text;
    text.append(chunk, static_cast<std::size_t>(count));
  }
  return refuse(too_large(most_bytes));
}

bool is_unchanged(const struct stat& before, const struct stat& after) {
  return before.st_ino == after.st_ino && before.st_size == after.st_size &&
         before.st_mtim.tv_sec == after.st_mtim.tv_sec && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec;
}

}  // namespace

Value<std::string> read_source(const std::string& path, base::Millis patience) {
  // Without blocking, or opening a pipe would wait for its writer.
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return refuse(read_failure(errno));
  return read_all(fd.get(), kMaxFileBytes, patience);
}

Value<std::string> read_steady_source(const std::string& path, std::size_t most_bytes) {
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat before {};
  struct stat after {};
  if (!fd || ::fstat(fd.get(), &before) != 0) return refuse(read_failure(errno));
  if (S_ISDIR(before.st_mode)) return refuse(read_failure(EISDIR));
  if (!S_ISREG(before.st_mode)) return refuse("this is a device, a pipe or a socket, expected a file");
  if (static_cast<std::size_t>(before.st_size) > most_bytes) return refuse(too_large(most_bytes));
  auto text = read_all(fd.get(), most_bytes);
  if (!text) return text;
  if (::fstat(fd.get(), &after) != 0) return refuse(read_failure(errno));
  if (!is_unchanged(before, after) || text->size() != static_cast<std::size_t>(after.st_size)) {
    return refuse("the file changed while it was read: write it under another name and rename it into place");
  }
  return text;
}

std::string beside(const std::string& file, const std::string& name) {
  return name.starts_with('/') ? name : directory_of(file) + name;
}

bool is_pattern(const std::string& pattern) { return pattern.find_first_of("*?[") != std::string::npos; }

Value<std::vector<std::string>> match_sources(const std::string& file, const std::string& pattern) {
  const std::string from = pattern.starts_with('/') ? "" : escaped(directory_of(file));
  glob_t matches{};
  const int outcome = ::glob((from + pattern).c_str(), GLOB_NOSORT, stops_search, &matches);
  std::vector<std::string> paths(matches.gl_pathv, matches.gl_pathv + matches.gl_pathc);
  ::globfree(&matches);
  if (outcome == GLOB_NOMATCH) return std::vector<std::string>();
  if (outcome != 0) {
    return refuse(fmt::format("the directories of {} cannot be read by this user", quote(pattern)));
  }
  // By bytes and not by the locale, so that the order is the same on every machine.
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string identity(const std::string& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  return error ? path : real.string();
}

}  // namespace weir::config
