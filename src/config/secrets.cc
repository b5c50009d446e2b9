#include "config/secrets.h"

#include <algorithm>
#include <string_view>

#include "config/limits.h"
#include "config/text.h"

namespace weir::config {
namespace {

constexpr std::size_t kShortest = 6;
// So much of one that a message has cut is enough to know it by.
constexpr std::size_t kBeginning = 16;
constexpr std::string_view kCut = "...";

// How much of `text` is the value at its front, or the beginning of it that a message has left; 0: none.
std::size_t length_at(std::string_view text, std::string_view value) {
  const auto ends = std::mismatch(text.begin(), text.end(), value.begin(), value.end());
  const auto common = static_cast<std::size_t>(ends.first - text.begin());
  const bool is_cut = common >= kBeginning && text.substr(common).starts_with(kCut);
  return common == value.size() || is_cut ? common : 0;
}

std::string replaced(std::string_view text, std::string_view value, const std::string& by) {
  const std::string_view beginning = value.substr(0, kBeginning);
  std::string out;
  for (;;) {
    const std::size_t at = text.find(beginning);
    out += text.substr(0, at);
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at);
    const std::size_t length = length_at(text, value);
    out += length == 0 ? std::string(text.substr(0, 1)) : by;
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
}

}  // namespace

void Secrets::note(const std::string& name, const std::string& value) {
  if (value.size() >= kShortest) names_[printable(value, kMaxExpandedBytes)] = name;
}

std::string Secrets::hidden(const std::string& text) const {
  std::string out = text;
  // Of two that begin alike the longer one comes first.
  for (auto one = names_.rbegin(); one != names_.rend(); ++one) {
    out = replaced(out, one->first, "${" + one->second + "}");
  }
  return out;
}

void Secrets::hide(Problems& problems) const {
  for (Problem& problem : problems) {
    problem.text = hidden(problem.text);
    problem.place.file = hidden(problem.place.file);
  }
}

}  // namespace weir::config
