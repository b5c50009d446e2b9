#!/usr/bin/env python3
"""The PROXY protocol as Weir, nginx and HAProxy read it: every case of proxy_cases.py through each of them.

Weir has to do what the specification asks. The others stand beside it as a check of the cases themselves:
where they do something else the table says so and why, and it is a failure too when that has changed.
"""

import contextlib
import dataclasses
import fcntl
import select
import socket
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import common
import proxy_cases
from peers import haproxy, nginx, process, weir
from proxy_cases import Case, Differs

HOST = "127.0.0.1"
GREETING = b"220 ready\r\n"  # the backend speaks first: nobody may hear it before the header is whole
DEADLINE = 20.0              # for anything that is waited for
ALL_CASES = 150.0            # for all of them; some seconds are usual
GAP = 0.02                   # between two segments, so that they are read one by one
ALL_GAPS = 0.5               # and together, when there are many
PATIENCE = 5.0               # for a refusal that the table foretells for the first part of a header
SHORT, LONG = "1s", "60s"    # for a header: in cases that wait for that to pass, and in all others
PEERS = ("weir", "nginx", "haproxy")


class Stream:
    """Who has come to the backend, what they say, and the thread that listens until they end their stream."""

    def __init__(self, connection: socket.socket) -> None:
        self.heard = bytearray()
        self._connection = connection
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        with self._connection, contextlib.suppress(OSError):
            self._connection.settimeout(DEADLINE)
            self._connection.sendall(GREETING)
            while more := self._connection.recv(65536):
                self.heard += more


class Backend:
    """Greets whoever comes, and keeps what they say."""

    def __init__(self) -> None:
        self._listening = socket.create_server((HOST, 0))
        self.port: int = self._listening.getsockname()[1]
        self._streams: list[Stream] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            with self._lock:
                self._streams.append(Stream(connection))

    def take(self) -> list[bytes]:
        """What has been said on each connection since the last time, to its end."""
        with self._lock:
            streams, self._streams = self._streams, []
        for stream in streams:
            stream.thread.join(2 * DEADLINE)
        return [bytes(stream.heard) for stream in streams]


@dataclasses.dataclass(frozen=True)
class Heard:
    """What the client has seen of a connection."""

    own: str  # its own address
    greeting: bytes
    ended: bool  # in one way or another


def show_address(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_readable(connection: socket.socket, seconds: float) -> bool:
    """Whether there is something to read, an end or a reset within that time."""
    return bool(select.select([connection], [], [], max(0.0, seconds))[0])


def wait_until_arrived(connection: socket.socket) -> None:
    """Until the other side's kernel has everything; or until something comes, which may be a reset."""
    def arrived() -> bool:
        unacknowledged, = struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))
        return unacknowledged == 0 or is_readable(connection, 0)
    process.wait_until(arrived, "a segment to be acknowledged", DEADLINE)


def send(connection: socket.socket, segments: Sequence[bytes], patience: float) -> None:
    """Each segment by itself, with a pause before the next. An answer ends a pause, and in the first
    `patience` seconds nothing else does."""
    gap = min(GAP, ALL_GAPS / max(1, len(segments)))
    patient_until = time.monotonic() + patience
    for number, segment in enumerate(segments):
        connection.sendall(segment)
        wait_until_arrived(connection)
        if number + 1 < len(segments):
            is_readable(connection, max(gap, patient_until - time.monotonic()))


def read(connection: socket.socket, size: int) -> tuple[bytes, bool]:
    """So many bytes, or fewer when the stream ends before; and whether it has."""
    got = b""
    while len(got) < size:
        try:
            more = connection.recv(size - len(got))
        except TimeoutError:
            return got, False
        except ConnectionError:
            return got, True
        if not more:
            return got, True
        got += more
    return got, False


def end_stream(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # after a reset there is none to end
        connection.shutdown(socket.SHUT_WR)


def converse(port: int, case: Case, patience: float) -> Heard:
    """A client's part in a case."""
    with socket.create_connection((HOST, port), timeout=DEADLINE) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        own = show_address(connection.getsockname())
        # A refusal may come at any byte; it shows when reading.
        with contextlib.suppress(ConnectionError):
            send(connection, case.stream(), patience)
        if case.ends:
            end_stream(connection)
        greeting, ended = read(connection, len(GREETING))
        if greeting == GREETING:
            end_stream(connection)
            more, ended = read(connection, 1)
            greeting += more
        return Heard(own, greeting, ended)


def named_source(line: bytes) -> str:
    """The client in the line that a proxy has put before the stream, as an address."""
    words = line.decode("latin-1").split(" ")
    if len(words) == 6 and words[0] == "PROXY" and words[4].isdigit():
        return show_address((words[2], int(words[4])))
    return f"introduced by {line!r}"


def judge(case: Case, heard: Heard, streams: list[bytes]) -> str:
    """What the proxy did, in the words of the table."""
    arrived = [stream for stream in streams if stream]
    if not heard.ended:
        return f"still open after {DEADLINE:.0f} s, the backend heard {arrived}"
    if not heard.greeting and not arrived:
        return proxy_cases.REFUSED
    if heard.greeting != GREETING or len(arrived) != 1:
        return f"the client heard {heard.greeting!r}, the backend {arrived}"
    line, _, rest = arrived[0].partition(b"\r\n")
    source = named_source(line)
    what = proxy_cases.OWN if source == heard.own else source
    return what if rest == case.payload else f"{what}, and the payload is {rest[:100]!r}"


# Starts a proxy in front of a backend: workspace, name, its port, the backend's port, the time for a header.
Starter = Callable[[process.Workspace, str, int, int, str], None]


def start_nginx(work: process.Workspace, name: str, port: int, backend: int, limit: str) -> None:
    # The line that it writes has the address of the realip module. Without proxy_half_close it ends a session
    # with the client's stream, whatever is on the way back.
    rules = ["proxy_protocol on", f"proxy_protocol_timeout {limit}", f"set_real_ip_from {HOST}/32",
             "proxy_half_close on"]
    nginx.start_stream(work, name, HOST, port, [f"{HOST}:{backend}"], listen_options="proxy_protocol",
                       rules=rules)


def start_haproxy(work: process.Workspace, name: str, port: int, backend: int, limit: str) -> None:
    haproxy.start(work, name, HOST, port, [f"{HOST}:{backend} send-proxy"], bind_options="accept-proxy",
                  rules=[f"timeout client {limit}"])


_WEIR_RULES = """\
[listeners.a]
bind = "{host}:{port}"
pool = "p"
accept_proxy = "required"
proxy_trust = ["127.0.0.0/8"]
preread_timeout = "{limit}"

[pools.p]
backends = ["{host}:{backend}"]
send_proxy = "v1"
"""


def starter_of_weir(binary: str, started: list[weir.Weir]) -> Starter:
    def start(work: process.Workspace, name: str, port: int, backend: int, limit: str) -> None:
        rules = _WEIR_RULES.format(host=HOST, port=port, backend=backend, limit=limit)
        # Whether it runs is asked at another listener, and that one must not lead to the backend.
        started.append(weir.start(work, binary, [f"{HOST}:{work.free_port()}"], name=name, sessions="none",
                                  rules=rules))
        process.wait_until(lambda: process.answers(HOST, port), f"{name} on port {port}")
    return start


@dataclasses.dataclass(frozen=True)
class Lane:
    """A proxy with a backend of its own, and the cases that go through it one after the other."""

    peer: str
    port: int
    backend: Backend
    cases: Sequence[Case]

    def run(self) -> Iterator[tuple[str, str]]:
        """The name of each case, and what the proxy did."""
        for case in self.cases:
            try:
                heard = converse(self.port, case, patience(case, self.peer))
                yield case.name, judge(case, heard, self.backend.take())
            except (OSError, process.Failure) as error:
                yield case.name, f"failed: {error}"


def patience(case: Case, peer: str) -> float:
    """For a peer that refuses the first part of a header since it does not wait for the rest. If that were
    sent before the refusal has come, the peer might find both on a busy machine, and accept."""
    waits = case.wanted != proxy_cases.REFUSED and expected(case, peer) == proxy_cases.REFUSED
    return PATIENCE if waits else 0.0


def difference(case: Case, peer: str) -> Differs | None:
    return {"nginx": case.nginx, "haproxy": case.haproxy}.get(peer)


def expected(case: Case, peer: str) -> str:
    differs = difference(case, peer)
    return differs.does if differs and differs.always else case.wanted


def is_expected(case: Case, peer: str, did: str) -> bool:
    differs = difference(case, peer)
    return did == expected(case, peer) or (differs is not None and did == differs.does)


def start_lanes(work: process.Workspace, peer: str, start: Starter) -> list[Lane]:
    """Two: what may take long on a busy machine must not meet the limit that other cases wait for."""
    lanes = []
    for stalls, limit in ((False, LONG), (True, SHORT)):
        cases = [case for case in proxy_cases.TABLE if case.stalls == stalls]
        lane = Lane(peer, work.free_port(), Backend(), cases)
        start(work, f"{peer}-{limit}", lane.port, lane.backend.port, limit)
        lanes.append(lane)
    return lanes


def run(lanes: Sequence[Lane]) -> dict[tuple[str, str], str]:
    """What each peer did in each case; all lanes at once."""
    done: dict[tuple[str, str], str] = {}

    def run_one(lane: Lane) -> None:
        for name, what in lane.run():
            done[lane.peer, name] = what

    until = time.monotonic() + ALL_CASES
    threads = [threading.Thread(target=run_one, args=(lane,), daemon=True) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
        common.expect(not thread.is_alive(), f"cases are still running; these are done: {sorted(done)}")
    return done


class Notes:
    """Reasons, each with a number for the table."""

    def __init__(self) -> None:
        self._reasons: list[str] = []

    def number(self, reason: str) -> int:
        if reason not in self._reasons:
            self._reasons.append(reason)
        return self._reasons.index(reason) + 1

    def show(self) -> None:
        for number, reason in enumerate(self._reasons, 1):
            print(f"({number}) {reason}")


def cell(case: Case, peer: str, did: str, notes: Notes) -> str:
    if not is_expected(case, peer, did):
        return "FAILED, see below"
    differs = difference(case, peer)
    return f"{did} ({notes.number(differs.why)})" if differs and did == differs.does else "the same"


def print_table(peers: Sequence[str], done: dict[tuple[str, str], str]) -> None:
    notes = Notes()
    others = [peer for peer in peers if peer != "weir"]
    print(f"{'case':45}  {'specification, Weir':48}" + "".join(f"  {peer:30}" for peer in others))
    for case in proxy_cases.TABLE:
        first = case.wanted + (" *" if case.free else "")
        cells = [cell(case, peer, done[peer, case.name], notes) for peer in others]
        print(f"{case.name:45}  {first:48}" + "".join(f"  {one:30}" for one in cells))
    print("* the specification leaves it to the receiver; this is Weir's choice")
    notes.show()


def print_counts(peers: Sequence[str]) -> None:
    print(f"{len(proxy_cases.TABLE)} cases, {sum(case.free for case in proxy_cases.TABLE)} of them free")
    for peer in peers:
        found = [(case, difference(case, peer)) for case in proxy_cases.TABLE]
        differing = [case for case, differs in found if differs and differs.always]
        free = sum(case.free for case in differing)
        print(f"{peer}: differs in {len(differing)}, {free} of them free")


def failures(peers: Sequence[str], done: dict[tuple[str, str], str]) -> list[str]:
    return [f"{case.name} through {peer}: {expected(case, peer)} is expected, not {done[peer, case.name]}"
            for case in proxy_cases.TABLE for peer in peers
            if not is_expected(case, peer, done[peer, case.name])]


def expect_sound_table() -> None:
    names = [case.name for case in proxy_cases.TABLE]
    common.expect(len(set(names)) == len(names), "two cases have the same name")
    idle = [case.name for case in proxy_cases.TABLE for differs in (case.nginx, case.haproxy)
            if differs and differs.does == case.wanted]
    common.expect(not idle, f"a difference is none: {idle}")


def need(peers: Sequence[str]) -> None:
    """Says which versions are there, or ends the test as skipped where one is not."""
    for peer in ("nginx", "haproxy"):  # Debian's packages have their names
        if peer in peers:
            said = subprocess.run([process.need(peer, peer), "-v"], capture_output=True, text=True,
                                  check=True, timeout=DEADLINE)
            print((said.stdout + said.stderr).splitlines()[0], flush=True)
    if "nginx" in peers and not nginx.has_stream():
        process.skip("nginx's module stream is not installed (Debian's package: libnginx-mod-stream)")


def test() -> None:
    parser = common.arguments(__doc__)
    parser.add_argument("--peers", default=",".join(PEERS), help="those to run (default: %(default)s)")
    given = parser.parse_args()
    peers = given.peers.split(",")
    common.expect(set(peers) <= set(PEERS), f"--peers takes some of {', '.join(PEERS)}")
    expect_sound_table()
    need(peers)
    weirs: list[weir.Weir] = []
    starters = {"weir": starter_of_weir(given.weir, weirs), "nginx": start_nginx, "haproxy": start_haproxy}
    with process.Workspace() as work:
        done = run([lane for peer in peers for lane in start_lanes(work, peer, starters[peer])])
        print_table(peers, done)
        print_counts(peers)
        wrong = failures(peers, done)
        print(*wrong, sep="\n", flush=True)
        common.expect(not wrong, f"{len(wrong)} of {len(done)} were not as expected")
        for server in weirs:
            common.expect_ends_well(server)


if __name__ == "__main__":
    common.main(test)
