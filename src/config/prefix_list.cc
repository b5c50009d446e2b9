#include "config/prefix_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <tuple>

#include "config/limits.h"
#include "config/source.h"
#include "config/text.h"

namespace weir::config {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kSpaces = " \t";
constexpr std::string_view kUnixWord = "unix";

// What people write who come from other servers, or who took a list from one.
std::string advice(std::string_view text) {
  if (text.find_first_of(" \t,;") != std::string_view::npos)
    return "; expected one network a line, and nothing else";
  if (text == "any" || text == "all" || text == "*")
    return "; for every address write \"0.0.0.0/0\" and \"::/0\"";
  return did_you_mean(text, {&kUnixWord, 1});
}

std::string fault_text(std::string_view text, const base::Error& error) {
  return fmt::format("{} is not a network: {}{}", quote(text), error.message(), advice(text));
}

std::string host_bits_text(std::string_view text, const base::Prefix& meant) {
  return fmt::format("{} has host bits set: {} is meant", quote(text), meant.to_string());
}

std::string_view trim(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kSpaces), text.size()));
  return text.substr(0, text.find_last_not_of(kSpaces) + 1);
}

// Errors and warnings, each counted, and the first of each kept.
class FirstProblems {
 public:
  template <class Text>
  void add(Severity severity, const Place& place, const Text& text) {
    Kind& kind = severity == Severity::kError ? errors_ : warnings_;
    if (++kind.count <= kMaxPrefixListProblems) kind.first.push_back({severity, place, text()});
  }

  Problems take(const std::string& file) {
    Problems problems = std::move(errors_.first);
    const std::size_t room = std::min(kMaxPrefixListProblems - problems.size(), warnings_.first.size());
    const std::size_t errors_left = errors_.count - problems.size();
    const std::size_t warnings_left = warnings_.count - room;
    std::move(warnings_.first.begin(), warnings_.first.begin() + static_cast<std::ptrdiff_t>(room),
              std::back_inserter(problems));
    std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
      return std::tie(a.place.line, a.place.column) < std::tie(b.place.line, b.place.column);
    });
    if (errors_left + warnings_left > 0) {
      const Severity severity = errors_left > 0 ? Severity::kError : Severity::kWarning;
      problems.push_back({severity, {file, 0, 0}, rest(errors_left, warnings_left)});
    }
    return problems;
  }

 private:
  struct Kind {
    std::size_t count = 0;
    Problems first;
  };

  static std::string rest(std::size_t errors, std::size_t warnings) {
    std::vector<std::string> parts;
    if (errors > 0) parts.push_back(fmt::format("{} more error{}", errors, errors == 1 ? "" : "s"));
    if (warnings > 0) parts.push_back(fmt::format("{} more warning{}", warnings, warnings == 1 ? "" : "s"));
    return "... and " + join(parts, "and");
  }

  Kind errors_;
  Kind warnings_;
};

class ListParser {
 public:
  explicit ListParser(const std::string& file) : place_{file, 0, 0} {}

  PrefixList parse(std::string_view text) {
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    if (text.size() > kMaxPrefixListBytes) {
      fail([] {
        return fmt::format("the list is larger than the {} MiB that are allowed", kMaxPrefixListBytes >> 20);
      });
      text = {};
    }
    while (!text.empty() && !is_full_) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      ++place_.line;
      place_.column = 1;
      take_line(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    list_.problems = problems_.take(place_.file);
    return std::move(list_);
  }

 private:
  template <class Text>
  void fail(const Text& text) {
    problems_.add(Severity::kError, place_, text);
  }

  void take_line(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (has_foreign_byte(line)) return;
    const std::string_view entry = trim(line.substr(0, line.find('#')));
    if (entry.empty()) return;
    place_.column = static_cast<unsigned>(entry.data() - line.data()) + 1;
    take_entry(entry);
  }

  // Reports the first byte that is neither UTF-8 nor a character that shows.
  bool has_foreign_byte(std::string_view line) {
    unsigned column = 1;
    for (std::size_t at = 0; at < line.size(); ++column) {
      const auto byte = static_cast<unsigned char>(line[at]);
      const std::size_t length = byte < 0x80 ? 1 : utf8_length(line.substr(at));
      const bool is_control = (byte < 0x20 && byte != '\t') || byte == 0x7f;
      if (length > 0 && !is_control) {
        at += length;
        continue;
      }
      place_.column = column;
      fail([&] {
        return length == 0
                   ? fmt::format("the byte \\x{:02x} is not UTF-8: save the file as UTF-8 text", byte)
                   : fmt::format("the control character \\x{:02x}: lines hold text and end with a line feed",
                                 byte);
      });
      return true;
    }
    return false;
  }

  // What cannot be read counts as an entry too, so that a large file of anything else does not take long.
  void take_entry(std::string_view entry) {
    if (++count_ > kMaxPrefixListEntries) {
      is_full_ = true;
      return fail(
          [] { return fmt::format("more than {} entries: the rest is not read", kMaxPrefixListEntries); });
    }
    if (entry == kUnixWord) return add(std::nullopt);
    const auto parsed = base::parse_prefix(entry);
    if (!parsed) return fail([&] { return fault_text(entry, parsed.error()); });
    if (parsed->has_host_bits) {
      problems_.add(Severity::kWarning, place_, [&] { return host_bits_text(entry, parsed->prefix); });
    }
    add(parsed->prefix);
  }

  void add(std::optional<base::Prefix> prefix) {
    list_.entries.push_back({prefix, place_.line, place_.column});
  }

  Place place_;
  PrefixList list_;
  FirstProblems problems_;
  std::size_t count_ = 0;
  bool is_full_ = false;
};

}  // namespace

Value<ListedClient> parse_listed_client(std::string_view text) {
  if (text == kUnixWord) return ListedClient{};
  const auto parsed = base::parse_prefix(text);
  if (!parsed) return tl::unexpected(fault_text(text, parsed.error()));
  ListedClient client{parsed->prefix, {}};
  if (parsed->has_host_bits) client.warning = host_bits_text(text, parsed->prefix);
  return client;
}

PrefixList parse_prefix_list(std::string_view text, const std::string& file) {
  return ListParser(file).parse(text);
}

PrefixList load_prefix_list(const std::string& path) {
  const auto text = read_steady_source(path, kMaxPrefixListBytes);
  if (text) return parse_prefix_list(*text, path);
  return {{}, {{Severity::kError, {path, 0, 0}, text.error()}}};
}

}  // namespace weir::config
