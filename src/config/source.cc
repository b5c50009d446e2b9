#include "config/source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/unique_fd.h"
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

}  // namespace

Value<std::string> read_source(const std::string& path) {
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return refuse(read_failure(errno));
  std::string text;
  char chunk[16384];
  while (text.size() <= kMaxFileBytes) {
    const ssize_t count = ::read(fd.get(), chunk, sizeof(chunk));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return refuse(read_failure(errno));
    if (count == 0) return text;
    text.append(chunk, static_cast<std::size_t>(count));
  }
  return refuse(fmt::format("the file is larger than the {} MiB that are allowed", kMaxFileBytes >> 20));
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
