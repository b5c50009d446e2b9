#include <fmt/format.h>

#include <iterator>

#include "base/roff.h"
#include "base/version.h"
#include "config/describe.h"
#include "config/notes.h"
#include "config/schema.h"

namespace weir::config {
namespace {

constexpr std::string_view kDescription =
    "A configuration of `weir` is a TOML file in UTF-8 (https://toml.io/en/v1.0.0). `weir check FILE` "
    "reports "
    "every problem in it at once, with file, line and column, and what is allowed there. A running Weir "
    "reads "
    "it again on SIGHUP or `weir reload`, and keeps what it has when there is a mistake.";

constexpr std::string_view kEnd =
    ".SH FILES\n"
    ".TP\n"
    "\\fI/etc/weir/weir.toml\\fP\n"
    "What the service runs by.\n"
    ".TP\n"
    "\\fI/usr/share/doc/weir/examples\\fP\n"
    "Whole files for common cases; weir.toml there shows every setting with its default.\n"
    ".SH SEE ALSO\n"
    ".BR weir (8)\n";

std::string note_of(std::string_view note) {
  std::string text(note);
  constexpr std::string_view kMark = "*restart*";
  if (const std::size_t at = text.find(kMark); at != std::string::npos)
    text.replace(at, kMark.size(), "`Restart`");
  return base::roff_paragraph(text);
}

std::string default_of(const Key& key) {
  if (key.presence == Presence::kRequired) return "It must be set.";
  return key.default_value.empty() ? "" : fmt::format("Default: `{}`.", key.default_value);
}

std::string entry_of(const Key& key) {
  std::string out = fmt::format(".TP\n{}\n{}", base::roff(fmt::format("`{}` = {}", key.name, expected(key))),
                                base::roff_paragraph(key.help));
  const std::string rest = default_of(key) + (key.change == Change::kRestart ? " `Restart`." : "");
  return rest.empty() ? out : out + ".br\n" + base::roff_paragraph(rest);
}

}  // namespace

std::string manual_page() {
  std::string out = fmt::format(".TH WEIR.TOML 5 \"\" \"weir {}\" \"File formats\"\n{}",
                                base::roff(base::version()), base::kRoffUnbroken);
  const auto to = std::back_inserter(out);
  fmt::format_to(to,
                 ".SH NAME\nweir.toml \\- configuration of weir, a TCP load balancer\n.SH DESCRIPTION\n{}",
                 base::roff_paragraph(kDescription));
  for (const std::string_view note : kNotes) fmt::format_to(to, ".IP \\(bu 2\n{}", note_of(note));
  fmt::format_to(to, ".SH EXAMPLES\nThe shortest useful file:\n.PP\n{}.SH SETTINGS\n",
                 base::roff_example(kShortestFile));
  for (const Section section : kAllSections) {
    fmt::format_to(to, ".SS {}\n{}", base::roff(title(section)), base::roff_paragraph(help(section)));
    for (const Key* key : keys_of(section)) out += entry_of(*key);
  }
  return out + std::string(kEnd);
}

}  // namespace weir::config
