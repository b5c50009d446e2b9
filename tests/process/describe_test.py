#!/usr/bin/env python3
"""What `weir describe` says of the command line, against the command line itself: weir(8) and the shells' completions.

usage: describe_test.py WEIR manual | bash | zsh | fish
"""

import functools
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

from peers import process  # noqa: E402
from peers.echo import echo  # noqa: E402
from peers.process import expect  # noqa: E402

CONFIG = """\
[admin]
bind = "unix:{folder}/admin.sock"
[listeners.front]
bind = "127.0.0.1:0"
pool = "back"
[pools.back]
backends = [{{ address = "127.0.0.1:{port}", name = "one" }}, {{ address = "127.0.0.1:{port}", name = "two" }}]
[pools.spare]
backends = ["127.0.0.1:1"]
"""
# What is typed, and what a shell offers for it: all of that, or (with "...") at least that.
CASES = [
    ("weir ", ["run", "check", "demo", "describe", "reload", "upgrade", "top", "ctl"]),
    ("weir up", ["upgrade"]),
    ("weir ctl backend ", ["up", "drain", "maintenance", "weight", "add", "remove"]),
    ("weir ctl --json stat", ["status"]),
    ("weir ctl sessions --st", ["--state"]),
    ("weir ctl backend add --w", ["--weight"]),
    ("weir ctl backend add --jso", ["--json"]),
    ("weir ctl backend add --st", ["--state"]),
    ("weir ctl backend add --state ", ["up", "drain", "maintenance"]),
    ("weir ctl sessions --sort ", ["id", "bytes"]),
    ("weir ctl log-level w", ["warning"]),
    ("weir describe weir", ["weir.8", "weir.toml.5"]),
    ("weir run a_f", ["a_file.toml"]),
    ("weir ctl --config a_f", ["a_file.toml"]),
    ("weir ctl --config x status --tok", ["--token-file"]),
    ("weir ctl backends ", ["back", "spare"]),
    ("weir ctl backend drain b", ["back"]),
    ("weir ctl backend drain back ", ["one", "two"]),
    ("weir ctl sessions --pool sp", ["spare"]),
    ("weir ctl deny ", ["front"]),
    ("weir ctl close ", []),
]


class Commands:
    """Every command as its own --help has it: {"weir ctl backend": ({"--json"}, {"up", "drain"})}."""

    def __init__(self, binary: str) -> None:
        self.found: dict[str, tuple[set[str], set[str]]] = {}
        self._read(binary, ["weir"])

    def _read(self, binary: str, words: list[str]) -> None:
        said = subprocess.run([binary, *words[1:], "--help"], capture_output=True, text=True, check=True).stdout
        options = set(re.findall(r"^  (?:-\w,)?(--[a-z-]+)\b", said, re.MULTILINE))
        listed = re.search(r"^Subcommands:\n((?:  .*\n)*)", said, re.MULTILINE)
        commands = set(re.findall(r"^  ([a-z-]+) ", listed.group(1), re.MULTILINE)) if listed else set()
        self.found[" ".join(words)] = (options, commands)
        for command in sorted(commands):
            self._read(binary, [*words, command])


def described(binary: str, what: str) -> str:
    return subprocess.run([binary, "describe", what], capture_output=True, text=True, check=True).stdout


def plain(roff: str) -> str:
    """The text of a page, without roff's fonts and escapes."""
    return re.sub(r"\\f[BIPR]", "", roff).replace("\\-", "-").replace("\\(aq", "'")


def manual(binary: str, _work: process.Workspace) -> None:
    page = plain(described(binary, "weir.8")).partition("\n.SH COMMANDS\n")[2]
    commands = Commands(binary).found
    expect(len(commands) > 30, f"only {len(commands)} commands are known")
    for path, (options, _) in commands.items():
        if path == "weir":
            continue
        heading = re.search(rf"^(\.SS )?{re.escape(path)}( [\[A-Z]|$)", page, re.MULTILINE)
        expect(heading is not None, f"weir(8) knows nothing of `{path}`")
        assert heading
        entry = page[heading.end():]
        end = re.search(r"^(\.SS |\.SH |weir [a-z]+)", entry, re.MULTILINE)
        for option in options - {"--help"}:
            expect(option in entry[:end.start() if end else None], f"weir(8) knows nothing of {option} of `{path}`")
    # Nothing that is not there, either.
    for name in set(re.findall(r"^\.(?:SS |TP\n)(weir(?: [a-z-]+)+)", page, re.MULTILINE)):
        expect(name in commands, f"weir(8) tells of `{name}`, which is no command")
    for name in ("weir.8", "weir.toml.5"):
        complaints = warnings_of(described(binary, name))
        expect(not complaints, f"{name}: {complaints}")


def warnings_of(page: str) -> str:
    """What groff and mandoc find wrong with a page."""
    process.need("groff", "groff")
    process.need("mandoc", "mandoc")
    def said_by(*command: str) -> str:
        return subprocess.run(command, input=page, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False).stdout

    found = said_by("groff", "-man", "-Tutf8", "-ww", "-z")
    lint = said_by("mandoc", "-T", "lint", "-W", "warning")
    # A page has no date of its own: it is as old as the program.
    return found + "".join(line for line in lint.splitlines(True) if "missing date" not in line)


# Each shell is asked in a folder with one file; what it offers comes a line each.
BASH = """\
source ./completion
COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
_weir
printf '%s\\n' "${COMPREPLY[@]}"
"""
# zsh's own machinery needs a terminal: what it would be told is written down instead.
ZSH = """\
compdef() { :; }
_files() { print -l -- ${PREFIX}*(N); }
_describe() { local name=${@[-1]}; print -l -- ${${(P)name}%%:*}; }
compadd() { local name=${@[-1]}; print -l -- ${(P)name}; }
compset() { PREFIX=${PREFIX#*=}; }
source ./completion
line=$1
words=(${=line}); [[ $line == *' ' ]] && words+=('')
CURRENT=$#words
PREFIX=$words[-1]
_weir | while IFS= read -r found; do [[ $found == $PREFIX* ]] && print -r -- $found; done
"""
FISH = """\
source ./completion
complete --do-complete $argv[1] | string replace --regex '\\t.*' ''
"""
SHELLS = {"bash": (BASH, ["--norc"]), "zsh": (ZSH, ["-f"]), "fish": (FISH, ["--no-config"])}


def completion(shell: str, binary: str, work: process.Workspace) -> None:
    program = process.need(shell, shell)
    script, arguments = SHELLS[shell]
    folder = work.path / "here"
    folder.mkdir()
    (folder / "a_file.toml").write_text("")
    (folder / "completion").write_text(described(binary, shell))
    (folder / "ask").write_text(script)
    checked = subprocess.run([program, "-n", folder / "completion"], capture_output=True, text=True, check=False)
    expect(checked.returncode == 0, f"{shell} -n: {checked.stderr}")

    with echo() as port:
        config = work.write("weir.toml", CONFIG.format(folder=work.path, port=port))
        work.spawn("weir", [binary, "run", str(config)])
        process.wait_until(lambda: " ready" in work.log("weir"), "weir to be ready", 60)
        (folder / "bin").mkdir()
        (folder / "bin/weir").symlink_to(binary)
        environment = {"PATH": f"{folder}/bin:{os.environ['PATH']}", "HOME": str(folder), "LANG": "C.UTF-8",
                       "WEIR_ADMIN": f"unix:{work.path}/admin.sock"}

        def offered(line: str) -> set[str]:
            done = subprocess.run([program, *arguments, folder / "ask", line], cwd=folder, env=environment, text=True,
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
            expect(done.stderr == "", f"{shell} says of {line!r}: {done.stderr}")
            return {one for one in done.stdout.split("\n") if one}

        for line, wanted in CASES:
            found = offered(line)
            expect(found == set(wanted), f"{shell} offers {sorted(found)} for {line!r}, and not {wanted}")
        if shell == "bash":
            # readline replaces only what is behind the last colon.
            expect(offered("weir ctl backend drain spare 127.0.0.1:") == {"1"}, "a name with a colon is not completed")
            expect(offered("weir ctl sessions --sort=b") == {"bytes"}, "a value behind = is not completed")
        # The names are those of the Weir that the line itself is about.
        named = offered("weir ctl backend drain ")
        door = environment.pop("WEIR_ADMIN")
        expect(named != set() and offered(f"weir ctl --admin {door} backend drain ") == named, f"{shell} asks another door")
        environment["WEIR_ADMIN"] = door
        # Every command has its options and its commands.
        for path, (options, commands) in Commands(binary).found.items():
            missing = options - offered(f"{path} --")
            expect(not missing, f"{shell} does not know {sorted(missing)} of `{path}`")
            missing = commands - offered(f"{path} ")
            expect(not missing, f"{shell} does not know {sorted(missing)} below `{path}`")


def main() -> None:
    binary = str(pathlib.Path(sys.argv[1]).resolve())
    test = manual if sys.argv[2] == "manual" else functools.partial(completion, sys.argv[2])
    try:
        with process.Workspace() as work:
            test(binary, work)
    except process.Failure as failure:
        sys.exit(f"FAILED: {failure}")
    print("passed", flush=True)


if __name__ == "__main__":
    main()
