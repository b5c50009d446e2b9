#include "server/admin_token.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace weir::server {
namespace {

constexpr std::size_t kFewestBytes = 16;
constexpr std::size_t kMostBytes = 4096;

// What a header can carry (RFC 6750 section 2.1, and no blank).
bool is_token(const std::string& text) {
  return text.size() >= kFewestBytes && text.size() <= kMostBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

std::string load_admin_token(const config::AdminConfig& admin, config::Problems& problems) {
  const std::string& file = admin.token_file.value;
  if (!admin.bind || file.empty()) return {};
  const auto fail = [&](const std::string& why) {
    config::add_error(problems, admin.token_file.place, fmt::format("admin.token_file: {}: {}", file, why));
    return std::string();
  };
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return fail(::strerrordesc_np(errno));
  if (!S_ISREG(status.st_mode)) return fail("it is no file");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return fail(::strerrordesc_np(errno));
  std::string text(kMostBytes + 2, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (!is_token(text)) {
    return fail(
        fmt::format("expected one line of {} to {} visible ASCII characters, for example of "
                    "`openssl rand -hex 32`",
                    kFewestBytes, kMostBytes));
  }
  if ((status.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    config::add_warning(problems, admin.token_file.place,
                        fmt::format("admin.token_file: every user of this machine may read or write {}: "
                                    "`chmod 0640 {}`",
                                    file, file));
  }
  return text;
}

}  // namespace weir::server
