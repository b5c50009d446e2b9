"""A Weir with a door that a browser can look at, backends and clients for it, and what its door says by other ways."""

import contextlib
import http.client
import json
import pathlib
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

from peers import process
from peers.browser import Browser
from peers.little_web import backend

TOKEN = "0123456789abcdef0123456789abcdef"
_CONFIG = """\
[process]
workers = 2
[admin]
bind = "{door}"
token_file = "{token}"
[listeners.web]
bind = "127.0.0.1:0"
pool = "web"
access.deny = ["127.0.0.9"]
[listeners.api]
bind = "127.0.0.1:0"
pool = "web"
[listeners.mail]
bind = "127.0.0.1:0"
pool = "mail"
[pools.web]
backends = [{web}]
[pools.web.health]
type = "tcp"
interval = "1s"
fall = 1
[pools.mail]
backends = [{mail}]
"""


class House:
    """Weir and its backends; a `door` that is not given is one of its own on loopback."""

    def __init__(self, work: process.Workspace, binary: str, peers: contextlib.ExitStack, *, name: str = "weir",
                 door: str = "", more: str = "") -> None:
        self.work, self.binary, self.name = work, str(pathlib.Path(binary).resolve()), name
        token = work.write("token", TOKEN + "\n")
        token.chmod(0o600)
        self.admin = work.free_port()
        ports = [peers.enter_context(backend(size)) for size in (700, 700, 700, 3000)]
        web = [_entry(f"web-{i + 1}", port) for i, port in enumerate(ports[:3])] + [_entry("gone", 1)]
        self.config = work.write(f"{name}.toml", _CONFIG.format(
            door=door or f"127.0.0.1:{self.admin}", token=token, web=", ".join(web), mail=_entry('mail-1', ports[3])) + more)
        self.server = self.start()

    def start(self):
        """Starts it, and learns where it listens."""
        before = self.work.log(self.name).count("ready") if (self.work.path / f"{self.name}.log").exists() else 0
        server = self.work.spawn(self.name, [self.binary, "run", str(self.config)])

        def lines() -> list[str]:
            if server.poll() is not None:
                raise process.Failure("weir ended at once")
            return re.findall(r"^.*\bready\b.*\badmin=.*$", self.work.log(self.name), re.MULTILINE)

        process.wait_until(lambda: len(lines()) > before, "weir to be ready", 60)
        self.ports = {name: int(port) for name, port in re.findall(r"(\w+)=[\d.]+:(\d+)", lines()[-1])}
        self.admin = self.ports["admin"]
        return server

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.admin}/"

    def ask(self, path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=60)
        with contextlib.closing(connection):
            connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
            return json.loads(connection.getresponse().read())

    def backend(self, pool: str, name: str) -> dict[str, Any]:
        pools = {one["name"]: one for one in self.ask("/v1/pools")["pools"]}
        return next(one for one in pools[pool]["backends"] if one["name"] == name)

    def connect(self, listener: str, source: str = "127.0.0.1") -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.ports[listener]), 60, (source, 0))

    def visit(self, listener: str, times: int, source: str = "127.0.0.1") -> None:
        """So many sessions, one after the other; those that are refused are none."""
        for _ in range(times):
            with contextlib.suppress(ConnectionError), self.connect(listener, source) as client:
                client.sendall(b"?")
                client.recv(65536)


def _entry(name: str, port: int) -> str:
    return f'{{ address = "127.0.0.1:{port}", name = "{name}" }}'


@contextlib.contextmanager
def load(house: House) -> Iterator[None]:
    """A few clients come all the time, from before the block until its end."""
    ends = threading.Event()

    def come(listener: str, source: str) -> None:
        while not ends.wait(0.02):
            house.visit(listener, 1, source)

    threads = [threading.Thread(target=come, args=one) for one in
               [("web", "127.0.0.1"), ("api", "127.0.0.2"), ("mail", "127.0.0.3"), ("web", "127.0.0.9")]]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ends.set()
        for thread in threads:
            thread.join()


def numbers(text: str) -> list[int]:
    """The whole numbers of what the page has written, without the small gaps in them."""
    return [int(one) for one in re.findall(r"\d+", re.sub(r"(?<=\d)\u202f(?=\d)", "", text))]


def table(browser: Browser, place: str) -> list[dict[str, str]]:
    """The rows of a table, by the titles of its columns."""
    return browser.run(
        "const table = document.querySelector(arguments[0] + ' table');"
        "const titles = [...table.tHead.rows[0].cells].map((cell) => cell.innerText.replace(/ [▲▼]/, '').trim());"
        "return [...table.tBodies[0].rows].map((row) => Object.fromEntries([...row.cells].map((cell, i) => "
        "[titles[i], cell.innerText.trim()])))", place)


def row(browser: Browser, place: str, column: str, value: str) -> dict[str, str]:
    """The row whose column has the value; empty where there is none."""
    return next((one for one in table(browser, place) if one.get(column, "").split(" (")[0] == value), {})
