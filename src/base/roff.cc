#include "base/roff.h"

namespace weir::base {
namespace {

// What roff would turn into another sign, or take for the beginning of a command.
std::string_view escape_of(char c) {
  switch (c) {
    case '\\':
      return "\\e";
    case '-':
      return "\\-";
    case '\'':
      return "\\(aq";
    case '"':
      return "\\(dq";
    case '`':
      return "\\(ga";
    case '^':
      return "\\(ha";
    case '~':
      return "\\(ti";
    default:
      return {};
  }
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    const std::string_view escape = escape_of(c);
    if (escape.empty()) {
      out += c;
    } else {
      out += escape;
    }
  }
}

// A dot at the beginning of a line would begin a command.
std::string guarded(const std::string& line) { return line.starts_with('.') ? "\\&" + line : line; }

std::string in_one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_space = c == ' ' || c == '\n';
    if (!is_space) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

}  // namespace

std::string roff(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t open = text.find('`');
    const std::size_t close =
        open == std::string_view::npos ? std::string_view::npos : text.find('`', open + 1);
    if (close == std::string_view::npos) break;
    append_escaped(out, text.substr(0, open));
    out += "\\fB";
    append_escaped(out, text.substr(open + 1, close - open - 1));
    out += "\\fP";
    text.remove_prefix(close + 1);
  }
  append_escaped(out, text);
  return guarded(out);
}

std::string roff_paragraph(std::string_view text) { return roff(in_one_line(text)) + "\n"; }

std::string roff_example(std::string_view lines) {
  std::string out = ".RS 4\n.nf\n";
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    std::string line;
    append_escaped(line, lines.substr(0, end));
    out += guarded(line) + "\n";
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
  }
  return out + ".fi\n.RE\n";
}

}  // namespace weir::base
