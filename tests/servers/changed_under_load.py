#!/usr/bin/env python3
"""A hundred reloads and five upgrades under as many new connections as the machine gives: none fails, none is cut.

Two clients open connections one after the other, as fast as they are answered, each for one request; five hundred sessions
stay open all the while, longer than `drain_timeout`. Reloads change the number of workers, options of the listener, the
policy and the backends, and a listener comes and goes; a new process takes over after each twenty of them.
"""

import argparse
import os
import pathlib
import re
import signal
import socket
import sys
import time

import common
from peers import process, request_load

CLIENTS, CONNECTIONS, ADDRESSES = 2, 32, 16
UPGRADES, RELOADS_EACH = 5, 20
STAYING = 500
SECONDS = 30
LEAST_A_SECOND = 1_000  # of connections, so that a change meets some at every moment
_WITHIN = "WEIR_IN_OWN_NETWORK"
REQUEST = b"GET / HTTP/1.1\r\nHost: weir\r\n\r\n"

CONFIG = """\
[process]
workers = {workers}
user = "{user}"
drain_timeout = "500ms"

[log]
sessions = "errors"

[admin]
bind = "127.0.0.1:{admin}"

[listeners.front]
bind = "127.0.0.1:{port}"
pool = "back"
backlog = {backlog}
keepalive = "{keepalive}s"
{more}
[pools.back]
backends = {backends}
policy = "{policy}"
"""


class Changed:
    """A Weir that reads another configuration each time, and is another process now and then."""

    def __init__(self, work: process.Workspace, binary: str, user: str, backends: list[str]) -> None:
        self._work, self._user, self._backends = work, user, backends
        self.port, self._admin, self._other = work.free_port(), work.free_port(), work.free_port()
        self._file = self._write(0)
        common.give_files(work, user)
        first = work.spawn("weir", [str(pathlib.Path(binary).resolve()), "run", str(self._file)])
        work.wait_for_port("weir", first, "127.0.0.1", self.port)
        self._successors: list[int] = []  # that have not been waited for
        self.first, self.pid, self.took = first, first.pid, {"reload": [], "upgrade": []}

    def _write(self, variant: int) -> pathlib.Path:
        more = f'\n[listeners.other]\nbind = "127.0.0.1:{self._other}"\npool = "back"\n' if variant % 5 == 1 else ""
        backends = self._backends if variant % 4 < 2 else self._backends[:1]
        text = CONFIG.format(workers=1 + (variant + 1) % 3, user=self._user, admin=self._admin, port=self.port,
                             backlog=4096 + variant, keepalive=30 + variant % 7, more=more,
                             backends="[" + ", ".join(f'"{one}"' for one in backends) + "]",
                             policy=["round_robin", "least_connections"][variant % 2])
        return self._work.write("weir.toml", text)

    def _word_of(self, number: signal.Signals, event: str, told: str, variant: int) -> str:
        """Has it read that, and waits for its line on it."""
        self._write(variant)
        with open(self._work.path / "weir.log", encoding="utf-8") as log:
            log.seek(0, os.SEEK_END)
            os.kill(self.pid, number)
            said = ""

            def word() -> re.Match[str] | None:
                nonlocal said
                said += log.read()
                return re.search(rf'^\S+ (\S+) {event} msg="({told})[^\n]*\n', said, re.MULTILINE)
            process.wait_until(word, f"a word of the {event}", 60)
            line = word()
        common.expect(bool(line) and line.group(1) == "info", f"a {event} is refused: {line and line.group(0)}")
        return line.group(0)

    def reload(self, variant: int) -> None:
        line = self._word_of(signal.SIGHUP, "reload", "[^\"]*", variant)
        self.took["reload"].append(int(re.search(r" took_ms=(\d+)", line).group(1)))

    def upgrade(self, variant: int) -> None:
        line = self._word_of(signal.SIGUSR2, "upgrade", "the new process serves", variant)
        self.took["upgrade"].append(int(re.search(r" took_ms=(\d+)", line).group(1)))
        self.pid = int(re.search(r" pid=(\d+)", line).group(1))
        self._successors.append(self.pid)

    def end_all(self) -> None:
        """Those from before end by themselves, and the last one when it is told to; each of them cleanly."""
        os.kill(self.pid, signal.SIGTERM)
        common.expect(self.first.wait(30) == 0, f"the first process ended with status {self.first.returncode}")
        process.wait_until(self._have_ended, f"processes {self._successors} to end", 30)

    def _have_ended(self) -> bool:
        for pid in list(self._successors):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._successors.remove(pid)
                common.expect(status == 0, f"process {pid} ended with {os.waitstatus_to_exitcode(status)}")
        return not self._successors

    def kill_all(self) -> None:
        """However the test has ended: children of this process, as the first one is, that nobody else would end."""
        for pid in self._successors:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def open_session(port: int) -> socket.socket:
    session = socket.create_connection(("127.0.0.1", port), timeout=20)
    common.expect(asks(session), "a session that is to stay is not answered")
    return session


def asks(session: socket.socket) -> bool:
    session.sendall(REQUEST)
    answer = b""
    while not answer.endswith(b"\r\n\r\nok\n"):
        piece = session.recv(4096)
        if not piece:
            return False
        answer += piece
    return answer.startswith(b"HTTP/1.1 200")


def change(weir: Changed) -> None:
    """All of it, spread over three quarters of the time that the clients come."""
    begun, variant, steps = time.monotonic(), 0, UPGRADES * (RELOADS_EACH + 1)
    for _ in range(UPGRADES):
        for _ in range(RELOADS_EACH):
            variant += 1
            weir.reload(variant)
            due = begun + SECONDS * 0.75 * variant / steps
            process.wait_until(lambda at=due: time.monotonic() >= at, "the next one to be due", SECONDS)
        weir.upgrade(variant)
    common.expect(time.monotonic() - begun < SECONDS, "the clients were gone before the last change")


def shown(values: list[int]) -> str:
    return f"{sorted(values)[len(values) // 2]} ms ({min(values)}..{max(values)})"


def test() -> None:
    parser = common.arguments(__doc__)
    parser.add_argument("load", help="request_load")
    given = parser.parse_args()
    common.need_root_for(given.user)
    process.raise_descriptors()
    with process.Workspace() as work:
        hosts = ["127.0.0.2", "127.0.0.3"]
        at = work.free_port(*hosts)
        answers = [word for host in hosts for word in ("--answer-at", f"{host}:{at}")]
        with request_load.Load(given.load, "answer", answers, 3_600) as backend:
            backend.wait_until_it_answers(hosts[0], at)
            weir = Changed(work, given.weir, given.user, [f"{host}:{at}" for host in hosts])
            try:
                run(weir, given)
            finally:
                weir.kill_all()


def run(weir: Changed, given: argparse.Namespace) -> None:
    sessions = [open_session(weir.port) for _ in range(STAYING)]
    clients = []
    for i in range(CLIENTS):
        clients.append(request_load.Load(given.load, "closed", [
            "--to", f"127.0.0.1:{weir.port}", "--connections", str(CONNECTIONS), "--each",
            "--from", f"127.1.{i + 1}.1", "--addresses", str(ADDRESSES)], SECONDS))
    for client in clients:
        client.wait_for("begins")
    change(weir)
    runs = [client.finish() for client in clients]
    served, failed = sum(one.requests for one in runs), [one.errors() for one in runs if one.errors()]
    cut = sum(not asks(session) for session in sessions)
    print(f"{served:,} connections, {served / SECONDS:,.0f}/s, p50 {max(one.p50_us for one in runs) / 1000:.1f} ms, "
          f"p99 {max(one.p99_us for one in runs) / 1000:.1f} ms, longest {max(one.max_us for one in runs) / 1000:.0f} ms; "
          f"failed: {failed or 0}; {STAYING} that stay: {cut} cut; {len(weir.took['reload'])} reloads of "
          f"{shown(weir.took['reload'])}, {len(weir.took['upgrade'])} upgrades of {shown(weir.took['upgrade'])}", flush=True)
    common.expect(not failed, f"connections failed: {failed}")
    common.expect(cut == 0, f"{cut} sessions were cut")
    common.expect(given.slow or served > LEAST_A_SECOND * SECONDS, f"only {served / SECONDS:,.0f} connections came each second")
    for session in sessions:
        session.close()
    weir.end_all()


def in_own_network() -> None:
    """Starts this program over in a network namespace of its own, where it may: so many connections fill the table of a
    firewall that follows them (nf_conntrack), which then drops packets."""
    if os.geteuid() != 0 or _WITHIN in os.environ:
        return
    unshare, ip = process.need("unshare", "util-linux"), process.need("ip", "iproute2")
    os.environ[_WITHIN] = "1"
    start_over = f'{ip} link set lo up && exec "$0" "$@"'
    os.execv(unshare, [unshare, "--net", "--", "/bin/sh", "-c", start_over, sys.executable, "-B", *sys.argv])


in_own_network()
common.main(test)
