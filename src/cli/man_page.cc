#include "cli/man_page.h"

#include <fmt/format.h>

#include <sstream>

#include "base/roff.h"
#include "base/version.h"

namespace weir::cli {
namespace {

constexpr std::string_view kDescription = R"(.SH DESCRIPTION
Weir stands in front of several machines, spreads TCP connections over them, relays every byte both ways, and says
what it does and why.
What it serves is written in a configuration,
.BR weir.toml (5).
.PP
.B weir run
serves.
.B weir ctl
and
.B weir top
talk to the one that runs by its admin door,
.B admin.bind
in the configuration.
)";

constexpr std::string_view kEnd = R"(.SH SIGNALS
Of
.BR "weir run" :
.TP
.BR SIGTERM ", " SIGINT
A polite end: after
.B process.drain_delay
nobody is accepted any more, and sessions have
.B process.drain_timeout
to end by themselves.
A second one ends at once.
.TP
.B SIGHUP
The configuration is read again and put in force for new sessions, or the log says what is wrong with it and nothing
changes.
.B weir reload
does the same and waits for the answer.
.TP
.B SIGUSR1
The log\(aqs file is opened again by its name, for
.BR logrotate (8).
It must go to processes from before an upgrade, too.
.TP
.B SIGUSR2
The program as it is installed now takes the listening sockets over.
This process keeps its sessions for
.BR process.upgrade_drain_timeout .
When the new one cannot start, this one goes on.
.B weir upgrade
does the same and waits for the answer.
.SH EXIT STATUS
.TP
.B 0
Done; of
.BR "weir run" :
drained, every session had ended by itself.
.TP
.B 1
The configuration or the host does not allow a start; it could not be done; nobody answers.
.TP
.B 2
Wrong usage.
.TP
.B 3
Sessions were cut at the end of the drain.
.SH ENVIRONMENT
.TP
.B WEIR_ADMIN
Where the admin door is, when neither
.B \-\-admin
nor
.B \-\-config
says it.
.TP
.B WEIR_TOKEN
The admin door\(aqs secret, when
.B \-\-token\-file
names no file.
.TP
.B NO_COLOR
Set to anything but an empty value, tables have no colours.
.TP
.BR NOTIFY_SOCKET ", " WATCHDOG_USEC ", " LISTEN_FDS
What
.BR systemd (1)
gives its services.
.PP
Any string of the configuration may hold
.BR ${NAME} .
.SH FILES
.TP
.I /etc/weir/weir.toml
What the service runs by, and where commands look for the admin door.
.TP
.I /run/weir/admin.sock
The admin door, where no configuration says another.
.TP
.I /var/log/weir
For a log in a file.
.SH NOTES
The Debian package does not restart a running Weir when it is upgraded: it asks for what
.B weir upgrade
does.
A changed unit is in force after the next
.BR "systemctl restart weir" .
.SH SEE ALSO
.BR weir.toml (5),
.BR systemctl (1),
.BR logrotate (8)
)";

std::string bold(std::string_view text) { return base::roff("`" + std::string(text) + "`"); }
std::string italic(std::string_view text) { return "\\fI" + base::roff(text) + "\\fP"; }

// "weir ctl backend add POOL ADDRESS"
std::string usage_of(const CommandFacts& command) {
  std::string out = bold(command.path);
  for (const OptionFacts& option : command.options) {
    if (!option.is_positional) continue;
    const std::string name = italic(option.names.front());
    out += option.is_required ? " " + name : " [" + name + "]";
  }
  if (!command.commands.empty()) out += " " + italic("COMMAND");
  return out;
}

std::string names_of(const OptionFacts& option) {
  if (option.is_positional) return italic(option.names.front());
  std::string out;
  for (const std::string& name : option.names) out += (out.empty() ? "" : ", ") + bold(name);
  return option.takes.empty() ? out : out + " " + italic(option.takes);
}

std::string help_of(const OptionFacts& option) {
  std::string words;
  for (const std::string& word : option.words) words += (words.empty() ? "" : ", ") + ("`" + word + "`");
  if (words.empty()) return option.help;
  return option.help.empty() ? words : option.help + ": " + words;
}

// --help goes without saying; one argument that needs no word has none.
std::string options_of(const CommandFacts& command) {
  std::string out;
  for (const OptionFacts& option : command.options) {
    if (option.names.back() == "--help" || help_of(option).empty()) continue;
    out += ".TP\n" + names_of(option) + "\n" + base::roff_paragraph(help_of(option));
  }
  return out;
}

// Paragraphs are filled, lines that begin with two spaces stay as they are.
std::string footer_of(const CommandFacts& command) {
  std::string out;
  std::string paragraph;
  std::string example;
  const auto finish = [&] {
    if (!paragraph.empty()) out += ".PP\n" + base::roff_paragraph(paragraph);
    if (!example.empty()) out += base::roff_example(example);
    paragraph.clear();
    example.clear();
  };
  std::istringstream text(command.footer);
  for (std::string line; std::getline(text, line);) {
    const bool is_example = line.starts_with("  ");
    if (line.empty() || is_example != !example.empty()) finish();
    if (is_example) {
      example += line.substr(2) + "\n";
    } else if (!line.empty()) {
      paragraph += line + "\n";
    }
  }
  finish();
  return out;
}

// A command below one that has a heading.
std::string entry_of(const CommandFacts& command) {
  std::string out = ".TP\n" + usage_of(command) + "\n" + base::roff_paragraph(command.help);
  if (const std::string options = options_of(command); !options.empty()) out += ".RS\n" + options + ".RE\n";
  for (const CommandFacts& below : command.commands) out += entry_of(below);
  return out;
}

std::string section_of(const CommandFacts& command) {
  std::string out = ".SS " + usage_of(command) + "\n" + base::roff_paragraph(command.help);
  out += options_of(command);
  for (const CommandFacts& below : command.commands) out += entry_of(below);
  return out + footer_of(command);
}

}  // namespace

std::string man_page(const CommandFacts& weir) {
  std::string out = fmt::format(".TH WEIR 8 \"\" \"weir {}\" \"System administration\"\n{}",
                                base::roff(base::version()), base::kRoffUnbroken);
  out += ".SH NAME\nweir \\- layer\\-4 TCP load balancer and reverse proxy\n.SH SYNOPSIS\n.nf\n";
  for (const CommandFacts& command : weir.commands) out += usage_of(command) + "\n";
  out += ".fi\n";
  out += kDescription;
  out += ".SH OPTIONS\n.TP\n" + bold("-h") + ", " + bold("--help") +
         "\nAfter any command, says what it takes, with examples.\n" + options_of(weir) + ".SH COMMANDS\n";
  for (const CommandFacts& command : weir.commands) out += section_of(command);
  out += kEnd;
  return out;
}

}  // namespace weir::cli
