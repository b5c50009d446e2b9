#!/usr/bin/env python3
"""`weir ctl`, `weir reload` and `weir top` against a running Weir, as somebody at a terminal sees them.

usage: ctl_test.py WEIR
"""

import argparse
import contextlib
import http.server
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

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
access.deny = ["127.0.0.66"]
[pools.web]
backends = [{{ address = "127.0.0.1:{a}", name = "a" }}, {{ address = "127.0.0.1:{b}", name = "b" }}]
"""
# Two of everything by which sessions are told apart, and a list of who may come.
VARIED = """\
[admin]
bind = "{admin}"
[listeners.web]
bind = "127.0.0.1:0"
pool = "web"
[listeners.inner]
bind = "127.0.0.1:0"
pool = "inner"
access.allow = ["127.0.0.1"]
[listeners.named]
bind = "127.0.0.1:0"
pool = "web"
preread_timeout = "1h"
[listeners.named.tls]
mode = "passthrough"
[pools.web]
policy = "round_robin"
backends = [{{ address = "127.0.0.1:{a}", name = "a" }}, {{ address = "127.0.0.1:{b}", name = "b" }}]
[pools.inner]
backends = [{{ address = "127.0.0.1:{a}", name = "c" }}]
"""


class Weir:
    """A running Weir, and the commands that ask it."""

    def __init__(self, work: process.Workspace, binary: str, name: str, config: str) -> None:
        self.binary = str(pathlib.Path(binary).resolve())
        self.config = work.write(f"{name}.toml", config)
        self.server = work.spawn(name, [self.binary, "run", str(self.config)])
        self.log = lambda: work.log(name)
        process.wait_until(lambda: re.search(r"\bready\b.*\badmin=", self.log()), "weir to be ready", 60)
        ready = [line for line in self.log().splitlines() if re.search(r"\bready\b.*\badmin=", line)][-1]
        self.addresses = dict(re.findall(r"\b(\w+)=\"?(?:web=)?([^\s\"]+)", ready))
        self.admin = self.addresses["admin"]
        self.addresses["web"] = self.addresses["listeners"]

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("WEIR_")}
        return subprocess.run([self.binary, *arguments], capture_output=True, text=True, timeout=60,
                              env={**clean, "WEIR_ADMIN": self.admin, **environment}, check=False)

    def says(self, *arguments: str) -> str:
        """What a command prints that must succeed; without colours, as it goes to no terminal."""
        done = self.run(*arguments)
        expect(done.returncode == 0 and not done.stderr, f"{arguments}: {done}")
        expect("\x1b" not in done.stdout, f"{arguments}: there are colours without a terminal")
        return done.stdout

    def document(self, *arguments: str) -> dict:
        """What a command prints with --json."""
        return json.loads(self.says(*arguments, "--json"))

    def refuses(self, status: int, *arguments: str, **environment: str) -> str:
        """What a command complains of that must not succeed."""
        done = self.run(*arguments, **environment)
        expect(done.returncode == status, f"{arguments}: {done}")
        return done.stderr or done.stdout

    def connect(self, listener: str = "web", source: str = "127.0.0.1") -> socket.socket:
        """A client that has been served and stays."""
        client = self.reach(listener, source)
        client.sendall(b"hello")
        expect(client.recv(5) == b"hello", "the backend does not answer")
        return client

    def reach(self, listener: str, source: str) -> socket.socket:
        host, _, port = self.addresses[listener].rpartition(":")
        return socket.create_connection((host, int(port)), 60, (source, 0))

    def serves(self, listener: str, source: str) -> bool:
        """Whether a client from there comes in."""
        try:
            with self.reach(listener, source) as client:
                client.sendall(b"hello")
                return client.recv(5) == b"hello"
        except ConnectionError:
            return False

    def backend(self, name: str) -> dict:
        pool, = json.loads(self.says("ctl", "backends", "--json"))["pools"]
        found, = [one for one in pool["backends"] if one["name"] == name]
        return found


def check_views(weir: Weir) -> None:
    with weir.connect(), weir.connect():
        text = weir.says("ctl", "status")
        for part in ("serving for", "LISTENER", "POOL", "BACKEND", "127.0.0.1", "2/2"):
            expect(part in text, f"status has no {part!r}:\n{text}")
        lines = weir.says("ctl", "sessions").splitlines()
        expect(len(lines) == 3 and lines[0].startswith("ID"), f"two sessions: {lines}")
        session = lines[1].split()[0]
        text = weir.says("ctl", "session", session)
        for part in ("rtt", "idle_timeout", "why", "the policy of pool \"web\" picked it"):
            expect(part in text, f"a session has no {part!r}:\n{text}")
        expect(weir.says("ctl", "clients").splitlines()[1].split()[:2] == ["127.0.0.1", "2"], "a client with two")
        expect("1 of 2" in weir.says("ctl", "sessions", "--limit", "1"), "a page says how many there are")
        expect(weir.says("ctl", "sessions", "--backend", "nobody") == "no session\n", "a filter filters")
        for view, member in (("status", "pools"), ("processes", "processes"), ("listeners", "listeners"), ("pools", "pools"),
                             ("backends", "pools"), ("sessions", "sessions"), ("clients", "clients"), ("refusals", "refusals"),
                             ("limits", "limits"), ("config", "settings"), (f"session {session}", "why"),
                             ("names pools", "pools"), ("names listeners", "listeners")):
            weir.says("ctl", *view.split())
            expect(member in weir.document("ctl", *view.split()), f"`{view} --json` has no {member}")
    expect("process" in json.loads(weir.says("ctl", "--json", "status")), "the option may stand in front too")
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
    for state in ("drain", "maintenance", "up"):
        weir.says("ctl", "backend", "add", "web", f"127.0.0.1:{spare}", "--name", "c", "--state", state)
        expect(weir.backend("c")["state"] == state, f"it begins in {state}")
        weir.says("ctl", "backend", "remove", "web", "c")
    weir.says("ctl", "deny", "web", "127.0.0.3")
    expect(not weir.serves("web", "127.0.0.3") and weir.serves("web", "127.0.0.4"), "one is denied")
    weir.says("ctl", "deny", "web", "127.0.0.3", "--remove")
    expect(weir.serves("web", "127.0.0.3"), "it may come again")
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
    weir.refuses(2, "ctl", "backend", "add", "web", "127.0.0.1:1", "--state", "down")


def check_changes_as_json(weir: Weir, spare: int) -> None:
    with weir.connect():
        session = weir.document("ctl", "sessions")["sessions"][0]["id"]
        for change in ("backend drain web a", "backend maintenance web a", "backend up web a", "backend weight web a 1",
                       f"backend add web 127.0.0.1:{spare} --name c", "backend remove web c", "deny web 127.0.0.3",
                       "deny web 127.0.0.3 --remove", "log-level info", f"close {session}", "reload"):
            expect(weir.document("ctl", *change.split())["done"] != "", f"{change}: it says what was done")
    expect("done" in weir.document("reload"), "reload says what was done")
    refused = json.loads(weir.refuses(1, "ctl", "close", session, "--json"))
    expect("there is no session" in refused["error"], f"it says what is wrong: {refused}")


def check_filters(work: process.Workspace, binary: str, ports: dict[str, int]) -> None:
    """Sessions and clients, told apart by each thing that they can be told apart by; and who may come in."""
    weir = Weir(work, binary, "varied", VARIED.format(admin=f"unix:{work.path}/varied.sock", **ports))
    with contextlib.ExitStack() as kept:
        first, second = (kept.enter_context(weir.connect("web", f"127.0.0.{host}")) for host in (2, 3))
        inner = kept.enter_context(weir.connect("inner"))
        silent = kept.enter_context(weir.reach("named", "127.0.0.4"))
        second.sendall(b"x" * 50_000)
        # Not by MSG_WAITALL: a socket with a timeout does not block, and gives what is there.
        with second.makefile("rb") as stream:
            expect(len(stream.read(50_000)) == 50_000, "the backend does not answer")
        by_name = {"{}:{}".format(*client.getsockname()): name
                   for client, name in ((first, "first"), (second, "second"), (inner, "inner"), (silent, "silent"))}

        def found(*filters: str) -> list[str]:
            sessions = weir.document("ctl", "sessions", *filters)["sessions"]
            lines = [line.split() for line in weir.says("ctl", "sessions", *filters).splitlines()]
            ids = [words[0] for words in lines if re.fullmatch("[0-9a-f]{16}", words[0])]
            expect(ids == [one["id"] for one in sessions], f"{filters}: the table has others: {lines}")
            return [by_name[one["client"]] for one in sessions]

        everybody = ["first", "second", "inner", "silent"]
        def are_all(*filters: str) -> bool:
            return len(weir.document("ctl", "sessions", *filters)["sessions"]) == len(everybody)

        process.wait_until(are_all, "four sessions", 60)
        expect(sorted(found()) == sorted(everybody), f"they are all there: {found()}")
        at_a, = weir.document("ctl", "sessions", "--backend", "a")["sessions"]
        at_b, = weir.document("ctl", "sessions", "--backend", "b")["sessions"]
        expect({by_name[at_a["client"]], by_name[at_b["client"]]} == {"first", "second"}, "each backend has one")
        for filters, names in (("--listener web", ["first", "second"]), ("--listener inner", ["inner"]),
                               ("--pool inner", ["inner"]), ("--pool web", ["first", "second"]), ("--backend c", ["inner"]),
                               ("--client 127.0.0.3", ["second"]), ("--client 127.0.0.2/31", ["first", "second"]),
                               ("--state preread", ["silent"]), ("--state relay", ["first", "second", "inner"]),
                               ("--state connect", []), ("--min-age 1h", []), ("--listener web --client 127.0.0.3", ["second"])):
            shown = found(*filters.split())
            expect(sorted(shown) == sorted(names), f"{filters} shows {shown}")
        process.wait_until(lambda: are_all("--min-age", "1s"), "all to be a second old", 60)
        expect(found("--sort", "bytes", "--limit", "1") == ["second"], "that which moved most is the first")
        pages = [found("--limit", "2")]
        pages.append(found("--after", weir.document("ctl", "sessions", "--limit", "2")["next"]))
        expect([len(page) for page in pages] == [2, 2] and sorted(sum(pages, [])) == sorted(everybody), f"two pages: {pages}")
        expect(found("--sort", "id", "--limit", "4") == sum(pages, []), "in the order of the ids")
        for text, filters in (('expected "preread"', "--state asleep"), ("client is", "--client nobody"), ("min_age is", "--min-age old"),
                              ("from 1 to 1000", "--limit 0"), ("is no id of a session", "--after x")):
            complaint = weir.refuses(1, "ctl", "sessions", *filters.split())
            expect(text in complaint, f"{filters}: {complaint!r} has no {text!r}")
        weir.refuses(2, "ctl", "sessions", "--sort", "age")

        def clients(*filters: str) -> set[str]:
            return {one["client"] for one in weir.document("ctl", "clients", *filters)["clients"]}

        for filters, hosts in (("", {1, 2, 3, 4}), ("--listener web", {2, 3}), ("--pool inner", {1}), ("--backend c", {1})):
            shown = clients(*filters.split())
            expect(shown == {f"127.0.0.{host}" for host in hosts}, f"clients {filters}: {shown}")
        expect(len(clients("--limit", "2")) == 2, "clients at most")
    expect(not weir.serves("inner", "127.0.0.9"), "who is not on the list does not come in")
    weir.says("ctl", "allow", "inner", "127.0.0.9")
    expect(weir.serves("inner", "127.0.0.9"), "who was added comes in")
    expect(not weir.serves("inner", "127.0.0.10"), "and nobody else")
    expect("done" in weir.document("ctl", "allow", "inner", "127.0.0.9", "--remove"), "it is taken back")
    expect(not weir.serves("inner", "127.0.0.9") and weir.serves("inner", "127.0.0.1"), "then it is as before")
    text = weir.says("ctl", "refusals")
    expect(re.search(r"^inner +denied +3 +0 +0$", text, re.MULTILINE) is not None, f"they are counted:\n{text}")
    expect(re.search(r"^\d{4}-\S+Z +inner +127\.0\.0\.9:\d+ +denied$", text, re.MULTILINE) is not None, f"and shown:\n{text}")


def check_limits(work: process.Workspace, binary: str, ports: dict[str, int]) -> None:
    config = CONFIG.format(admin=f"unix:{work.path}/limited.sock", token="", **ports) + """\
[process]
max_connections = 40
[listeners.web.limits]
max_connections = 20
connection_rate = "1/h"
connection_burst = 10
client_max_connections = 5
"""
    weir = Weir(work, binary, "limited", config)
    with weir.connect(), weir.connect(source="127.0.0.2"):
        text = weir.says("ctl", "limits")
        for line in (r"^process +2/40 +- +- +- +- +wait$", r"^listeners\.web\.limits +2/20 +1/h +2/10 +- +- +reset +web$",
                     r"^listeners\.web\.limits +5 +- +- +2/[\d ]+ +0$"):
            expect(re.search(line, text, re.MULTILINE) is not None, f"no line {line!r} in\n{text}")


def check_colours(weir: Weir) -> None:
    """At a terminal what is up is green, unless somebody wants no colours."""
    def colours(**environment: str) -> set[str]:
        terminal = Terminal([weir.binary, "ctl", "backends"], {"WEIR_ADMIN": weir.admin, "NO_COLOR": "", **environment}, 200)
        expect(terminal.end() == 0, "it ends well")
        expect(re.search(r"^web +a +up ", terminal.text(), re.MULTILINE) is not None, f"it shows a: {terminal.text()}")
        return {cell.fg for line in terminal.screen.buffer.values() for cell in line.values()} - {"default"}

    weir.says("ctl", "backend", "up", "web", "b")
    expect(colours() == {"green"}, f"at a terminal: {colours()}")
    expect(colours(NO_COLOR="1") == set(), "with NO_COLOR")


@contextlib.contextmanager
def stranger(body: str, content_type: str = "text/html") -> Iterator[str]:
    """An HTTP server that answers everything with that; its address."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = answer

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield "127.0.0.1:{}".format(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


def check_strangers(weir: Weir, echo_port: int) -> None:
    """Another program listens where the door should be: nothing is taken for done, and it is said what is wrong."""
    asking = ("ctl status", "ctl sessions", "ctl limits", "ctl names pools", "ctl backend drain web a", "ctl close 1", "reload",
              "upgrade", "ctl drain")
    for body in ("<html>hello</html>", "[1, 2]", "", "5"):
        with stranger(body) as address:
            for command in asking:
                for arguments in (command.split(), [*command.split(), "--json"]):
                    complaint = weir.refuses(1, *arguments, "--admin", address)
                    expect(f"admin door {address}: what answers there is no admin door" in complaint,
                           f"{arguments} at {body!r}: {complaint!r}")
            expect("no admin door" in weir.refuses(1, "top", "--admin", address), f"top at {body!r}")
    with stranger('{"listeners": [5]}', "application/json") as address:
        for command in asking:
            complaint = weir.refuses(1, *command.split(), "--admin", address)
            expect("is not understood: is it another program's" in complaint, f"{command}: {complaint!r}")
        top = Terminal([weir.binary, "top", "--admin", address], {})
        top.press("2")
        top.wait_for("is not understood: is it another program's")
        top.press("q")
        expect(top.end() == 0, "q leaves")
    complaint = weir.refuses(1, "ctl", "status", "--admin", f"127.0.0.1:{echo_port}")
    expect("is this the address of an admin door" in complaint, f"what is no HTTP: {complaint!r}")


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
        top.wait_for(r"drain: backend a of pool web\? \(y to do it\)")
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
        top.press("?")
        top.wait_for("Whatever changes something asks first")
        top.press("q")
        top.press("q")
        expect(top.end() == 0, "q leaves")
    expect("no terminal" in weir.refuses(1, "top"), "without a terminal there is no top")


@contextlib.contextmanager
def traffic(weir: Weir, source: str) -> Iterator[None]:
    """Clients from there, one after the other, served or not."""
    is_over = threading.Event()

    def come() -> None:
        while not is_over.wait(0.01):
            weir.serves("web", source)

    thread = threading.Thread(target=come)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def check_top_pages(weir: Weir) -> None:
    """Each page has rows and rates of what goes on, and is sorted by a key."""
    weir.says("ctl", "backend", "up", "web", "a")
    some, bytes_ = r"(?!0 )[\d.]+", r"(?!0 )[\d.]+ K?i?B"
    with contextlib.ExitStack() as kept:
        for host, count in ((9, 3), (5, 2)):
            for _ in range(count):
                kept.enter_context(weir.connect(source=f"127.0.0.{host}"))
        for host in (4, 66):  # this one is denied
            kept.enter_context(traffic(weir, f"127.0.0.{host}"))
        top = Terminal([weir.binary, "top"], {"WEIR_ADMIN": weir.admin}, columns=160)
        top.wait_for(rf"^{some}/s new  {bytes_}/s up  {bytes_}/s down  {some}/s refused  2/2 backends up")
        top.wait_for(rf"^web +a +up +\d+ +{some} +(?!0 )\d+ % +0 +{some} ms +{bytes_} +{bytes_} +\d+$")
        top.press("2")
        top.wait_for(rf"^web +127\.0\.0\.1:\d+ +web +[1-9]\d* +{some} +{some} +{bytes_} +{bytes_}$")
        top.press("3")
        top.wait_for(r"^[0-9a-f]{16} +web +127\.0\.0\.9:\d+ +web +[ab] +relay +")
        top.press("5")
        top.wait_for(rf"^web +denied +{some} +[1-9][\d ]*? +0 +0 +0 +0$")
        top.wait_for(r"^\d{4}-\S+Z +web +127\.0\.0\.66:\d+ +denied$")
        top.press("4")
        top.wait_for(r"^127\.0\.0\.9 +3 +15 B +15 B +\d+")

        def clients() -> list[str]:
            expect(top.pump(), "top has ended")
            return [host for host in re.findall(r"^127\.0\.0\.(\d+) ", top.text(), re.MULTILINE) if host in ("5", "9")]

        process.wait_until(lambda: clients() == ["9", "5"], "those with most sessions to be first", 60)
        top.press("\x1bOC")  # the arrow to the right
        top.wait_for(r"^CLIENTv ")
        process.wait_until(lambda: clients() == ["5", "9"], "clients by their address", 60)
        top.press("r")
        top.wait_for(r"^CLIENT\^ ")
        process.wait_until(lambda: clients() == ["9", "5"], "the other way round", 60)
        top.press("q")
        expect(top.end() == 0, "q leaves")


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
        check_changes_as_json(weir, spare)
        check_filters(work, arguments.weir, ports)
        check_limits(work, arguments.weir, ports)
        check_colours(weir)
        check_strangers(weir, spare)
        check_reload(weir)
        check_doors(weir, work)
        check_token(work, arguments.weir, ports)
        check_ready(work, arguments.weir, ports)
        check_top(weir)
        check_top_pages(weir)
        check_top_alone(weir)
        check_upgrade(work, arguments.weir, ports)


if __name__ == "__main__":
    try:
        main()
    except process.Failure as failure:
        sys.exit(f"FAILED: {failure}")
    print("passed")
