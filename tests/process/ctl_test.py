#!/usr/bin/env python3
"""`weir ctl`, `weir reload` and `weir top` against a running Weir, as somebody at a terminal sees them.

usage: ctl_test.py WEIR
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

from peers import process  # noqa: E402
from peers.echo import echo  # noqa: E402
from peers.process import expect  # noqa: E402

try:
    from peers.terminal import Terminal  # noqa: E402
except ImportError:
    process.skip("pyte is not installed (Debian's package: python3-pyte)")

TOKEN = "0123456789abcdef0123456789abcdef"
CONFIG = """\
[admin]
bind = "{admin}"
{token}
[listeners.web]
bind = "127.0.0.1:0"
pool = "web"
[pools.web]
backends = [{{ address = "127.0.0.1:{a}", name = "a" }}, {{ address = "127.0.0.1:{b}", name = "b" }}]
"""


class Weir:
    """A running Weir, and the commands that ask it."""

    def __init__(self, work: process.Workspace, binary: str, name: str, config: str) -> None:
        self.binary = str(pathlib.Path(binary).resolve())
        self.config = work.write(f"{name}.toml", config)
        self.server = work.spawn(name, [self.binary, "run", str(self.config)])
        self.log = lambda: work.log(name)
        process.wait_until(lambda: re.search(r"\bready\b.*\badmin=", self.log()), "weir to be ready", 60)
        found = dict(re.findall(r"\b(\w+)=\"?(?:web=)?([^\s\"]+)", self.log().splitlines()[-1]))
        self.web, self.admin = found["listeners"], found["admin"]

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("WEIR_")}
        return subprocess.run([self.binary, *arguments], capture_output=True, text=True, timeout=60,
                              env={**clean, "WEIR_ADMIN": self.admin, **environment}, check=False)

    def says(self, *arguments: str) -> str:
        """What a command prints that must succeed."""
        done = self.run(*arguments)
        expect(done.returncode == 0 and not done.stderr, f"{arguments}: {done}")
        return done.stdout

    def refuses(self, status: int, *arguments: str, **environment: str) -> str:
        """What a command complains of that must not succeed."""
        done = self.run(*arguments, **environment)
        expect(done.returncode == status, f"{arguments}: {done}")
        return done.stderr or done.stdout

    def connect(self) -> socket.socket:
        host, _, port = self.web.rpartition(":")
        client = socket.create_connection((host, int(port)), timeout=60)
        client.sendall(b"hello")
        expect(client.recv(5) == b"hello", "the backend does not answer")
        return client

    def backend(self, name: str) -> dict:
        pool, = json.loads(self.says("ctl", "backends", "--json"))["pools"]
        found, = [one for one in pool["backends"] if one["name"] == name]
        return found


def check_views(weir: Weir) -> None:
    with weir.connect(), weir.connect():
        text = weir.says("ctl", "status")
        for part in ("serving for", "LISTENER", "POOL", "BACKEND", "127.0.0.1", "2/2"):
            expect(part in text, f"status has no {part!r}:\n{text}")
        expect("\x1b" not in text, "there are colours without a terminal")
        lines = weir.says("ctl", "sessions").splitlines()
        expect(len(lines) == 3 and lines[0].startswith("ID"), f"two sessions: {lines}")
        session = lines[1].split()[0]
        text = weir.says("ctl", "session", session)
        for part in ("rtt", "idle_timeout", "why", "the policy of pool \"web\" picked it"):
            expect(part in text, f"a session has no {part!r}:\n{text}")
        expect(weir.says("ctl", "clients").splitlines()[1].split()[:2] == ["127.0.0.1", "2"], "a client with two")
        expect("1 of 2" in weir.says("ctl", "sessions", "--limit", "1"), "a page says how many there are")
        expect(weir.says("ctl", "sessions", "--backend", "nobody") == "no session\n", "a filter filters")
    for view in ("listeners", "pools", "refusals", "limits", "config", "backends"):
        weir.says("ctl", view)
        json.loads(weir.says("ctl", view, "--json"))
    json.loads(weir.says("ctl", "--json", "status"))
    expect(f"{weir.config}:" in weir.says("ctl", "config", "admin.bind"), "a setting says where it was written")


def check_changes(weir: Weir, spare: int) -> None:
    weir.says("ctl", "backend", "drain", "web", "a")
    expect(weir.backend("a")["state"] == "drain", "it drains")
    expect("wanted by an operator" in weir.says("ctl", "backends", "web"), "it says why")
    weir.says("ctl", "backend", "up", "web", "a")
    weir.says("ctl", "backend", "weight", "web", "a", "7")
    expect((weir.backend("a")["state"], weir.backend("a")["weight"]) == ("up", 7), "it is up, with another weight")
    weir.says("ctl", "backend", "maintenance", "web", "b")
    expect(weir.backend("b")["state"] == "maintenance", "maintenance")
    weir.says("ctl", "backend", "add", "web", f"127.0.0.1:{spare}", "--name", "c", "--weight", "2", "--backup",
              "--max-connections", "9")
    c = weir.backend("c")
    expect((c["weight"], c["backup"], c["max_connections"]) == (2, True, 9), f"it was added as said: {c}")
    weir.says("ctl", "backend", "remove", "web", "c")
    expect(" c " not in weir.says("ctl", "backends"), "it is removed")
    weir.says("ctl", "deny", "web", "203.0.113.0/24")
    weir.says("ctl", "deny", "web", "203.0.113.0/24", "--remove")
    weir.says("ctl", "log-level", "debug")
    expect("log level debug" in weir.says("ctl", "status"), "the level")
    with weir.connect() as client:
        session = weir.says("ctl", "sessions").splitlines()[1].split()[0]
        weir.says("ctl", "close", session)
        with contextlib.suppress(ConnectionResetError):
            expect(client.recv(1) == b"", "it is closed")
    for text, arguments in [("there is no backend \"x\"", ("backend", "drain", "web", "x")),
                            ("there is no pool \"x\"", ("backend", "drain", "x", "a")),
                            ("has no `allow`", ("allow", "web", "203.0.113.0/24")),
                            ("was added here", ("deny", "web", "198.51.100.0/24", "--remove")),
                            ("a whole number from 0 to 256", ("backend", "weight", "web", "a", "300")),
                            ("there is no session", ("close", "1"))]:
        complaint = weir.refuses(1, "ctl", *arguments)
        expect(text in complaint, f"{arguments}: {complaint!r} has no {text!r}")
    expect("Usage" in weir.says("ctl", "--help") and "Examples" in weir.says("reload", "--help"), "help")
    weir.refuses(2, "ctl")
    weir.refuses(2, "ctl", "nonsense")
    weir.refuses(2, "ctl", "backend", "drain")


def check_reload(weir: Weir) -> None:
    text = weir.config.read_text(encoding="utf-8")
    weir.config.write_text(text + "retries = 5\n", encoding="utf-8")
    said = weir.says("reload")
    expect("pools.web.retries: 2 -> 5" in said and "1 change" in said, said)
    weir.config.write_text(text + "retries = 5\nnonsense = 1\nworse = 2\n", encoding="utf-8")
    said = weir.refuses(1, "reload")
    expect(said.count("error: unknown key") == 2 and "stays in force" in said, said)
    expect(weir.run("ctl", "reload", "--json").returncode == 1, "the same by ctl")
    weir.config.write_text(text, encoding="utf-8")
    expect("5 -> 2" in weir.says("ctl", "reload"), "back")


def check_doors(weir: Weir, work: process.Workspace) -> None:
    for arguments in (("--admin", weir.admin), ("--config", str(weir.config))):
        expect(weir.run("ctl", "status", *arguments, WEIR_ADMIN="").returncode == 0, f"{arguments} leads there")
    nobody = weir.refuses(1, "ctl", "status", "--admin", f"unix:{work.path}/none")
    expect("is Weir running" in nobody, nobody)


def check_token(work: process.Workspace, binary: str, ports: dict[str, int]) -> None:
    token = work.write("token", TOKEN + "\n")
    token.chmod(0o600)
    weir = Weir(work, binary, "far", CONFIG.format(admin="127.0.0.1:0", token=f'token_file = "{token}"', **ports))
    weir.says("ctl", "status")
    drain = ("ctl", "backend", "drain", "web", "a")
    expect("takes the token" in weir.refuses(1, *drain), "a change takes the token")
    expect("not the token" in weir.refuses(1, *drain, WEIR_TOKEN="x" * 32), "and not another")
    expect(weir.run(*drain, "--token-file", str(token)).returncode == 0, "with it, it is done")
    expect(weir.run(*drain, WEIR_TOKEN=TOKEN).returncode == 0, "also from the environment")


def check_ready(work: process.Workspace, binary: str, ports: dict[str, int]) -> None:
    """What health checks ask: yes, no while it stops, and no when nobody is there."""
    weir = Weir(work, binary, "leaving", CONFIG.format(admin=f"unix:{work.path}/leaving.sock", token="", **ports))
    expect(weir.says("ctl", "ready") == "ready\n", "it is ready")
    expect(json.loads(weir.says("ctl", "ready", "--json")) == {"ready": True}, "the same as JSON")
    with weir.connect():
        weir.says("ctl", "drain")
        expect("it is stopping" in weir.refuses(1, "ctl", "ready"), "while it stops it is not")
        expect(json.loads(weir.refuses(1, "ctl", "ready", "--json")) == {"ready": False}, "the same as JSON")
    weir.server.wait(60)
    expect("is Weir running" in weir.refuses(1, "ctl", "ready"), "one that has ended is not")


def check_top(weir: Weir) -> None:
    weir.says("ctl", "backend", "up", "web", "a")
    weir.says("ctl", "backend", "up", "web", "b")
    with weir.connect() as client:
        top = Terminal([weir.binary, "top"], {"WEIR_ADMIN": weir.admin})
        top.wait_for(r"^\[1 backends\]")
        top.wait_for(r"^web +a +up +\d")
        top.wait_for(r"2/2 backends up")
        top.press("d")
        top.wait_for(r"backend a of pool web: drain\? \(y to do it\)")
        expect(weir.backend("a")["state"] == "up", "nothing happens before the yes")
        top.press("n")
        top.wait_for("nothing was changed")
        expect(weir.backend("a")["state"] == "up", "nor after a no")
        top.press("dy")
        top.wait_for(r"^web +a +drain")
        expect(weir.backend("a")["state"] == "drain", "after it, it drains")
        top.press("/up")
        top.wait_for(r"^/up_$")
        top.press("\r")
        process.wait_until(lambda: top.pump() and not re.search(r"^web +a ", top.text(), re.MULTILINE), "the filter", 60)
        top.press("3")
        top.press("\x1b")
        top.wait_for(r"^[0-9a-f]{16} +web +127\.0\.0\.1:")
        top.press("x")
        top.wait_for(r"close session [0-9a-f]{16}\?")
        top.press("y")
        top.wait_for(r"session [0-9a-f]{16} is closed")
        with contextlib.suppress(ConnectionResetError):
            expect(client.recv(1) == b"", "it is closed")
        for page, title in (("2", "LISTENER"), ("4", "CLIENT"), ("5", "TIME")):
            top.press(page)
            top.wait_for(rf"^ *{title}|nothing to show")
        top.press("?")
        top.wait_for("Whatever changes something asks first")
        top.press("q")
        top.press("q")
        expect(top.end() == 0, "q leaves")
    expect("no terminal" in weir.refuses(1, "top"), "without a terminal there is no top")


def check_top_alone(weir: Weir) -> None:
    """Weir ends while somebody looks: top says so and stays; Ctrl-C leaves."""
    top = Terminal([weir.binary, "top"], {"WEIR_ADMIN": weir.admin}, columns=200, lines=10)
    top.wait_for(r"backends up")
    weir.says("ctl", "drain")
    weir.server.wait(60)
    top.wait_for("is Weir running")
    top.press("\x03")
    expect(top.end() == 0, "Ctrl-C leaves")
    expect("is Weir running" in weir.refuses(1, "ctl", "status"), "nobody is there any more")


def check_upgrade(work: process.Workspace, binary: str, ports: dict[str, int]) -> None:
    """The service changes hands, a session stays where it is, and the list of processes says so."""
    weir = Weir(work, binary, "old", CONFIG.format(admin=f"unix:{work.path}/next.sock", token="", **ports))
    before = weir.server.pid
    with weir.connect() as client:
        said = weir.says("upgrade")
        found = re.fullmatch(r"process (\d+) serves\n", said)
        expect(found is not None, f"it says who serves: {said!r}")
        after = int(found[1])
        try:
            processes = json.loads(weir.says("ctl", "processes", "--json"))["processes"]
            expect([(one["pid"], one["state"]) for one in processes] == [(after, "serving"), (before, "retired")],
                   f"the two processes: {processes}")
            expect("retired" in weir.says("ctl", "processes"), "the same for people")
            client.sendall(b"still")
            expect(client.recv(5) == b"still", "the session goes on")
            weir.connect().close()
            client.close()
            weir.server.wait(60)
            process.wait_until(lambda: len(weir.says("ctl", "processes").splitlines()) == 2, "the old one to be gone", 60)
        finally:
            # A process that has taken over is a sibling of the one before: a child of this test.
            weir.says("ctl", "drain")
            os.waitpid(after, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weir", help="the binary to test")
    arguments = parser.parse_args()
    with process.Workspace() as work, echo() as a, echo() as b, echo() as spare:
        ports = {"a": a, "b": b}
        admin = f"unix:{work.path}/admin.sock"
        weir = Weir(work, arguments.weir, "weir", CONFIG.format(admin=admin, token="", **ports))
        check_views(weir)
        check_changes(weir, spare)
        check_reload(weir)
        check_doors(weir, work)
        check_token(work, arguments.weir, ports)
        check_ready(work, arguments.weir, ports)
        check_top(weir)
        check_top_alone(weir)
        check_upgrade(work, arguments.weir, ports)


if __name__ == "__main__":
    try:
        main()
    except process.Failure as failure:
        sys.exit(f"FAILED: {failure}")
    print("passed")
