"""A proxy in front of Weir, its clients, and what it and Weir have to say of them."""

import contextlib
import dataclasses
import random
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import common
import proxy_logs
from peers import haproxy, nginx, process, weir
from proxy_logs import CHECKS, DEADLINE, HOST, Fields, expect_same

MANY, SHORT = 100, 40    # conversations through each front, and the bytes of a message in them
FEW, LONG = 4, 400_000
AT_ONCE = 4


class Mirror:
    """A backend that gives back each message in reverse. Four bytes before a message say how long it is."""

    def __init__(self) -> None:
        self._listening = socket.create_server((HOST, 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    @staticmethod
    def _serve(connection: socket.socket) -> None:
        connection.settimeout(DEADLINE)
        with connection, connection.makefile("rb") as stream, contextlib.suppress(OSError):
            while len(length := stream.read(4)) == 4:
                connection.sendall(stream.read(*struct.unpack("!I", length))[::-1])


Wrap = Callable[[socket.socket], socket.socket]


def unwrapped(connection: socket.socket) -> socket.socket:
    return connection


def _exchange(connection: socket.socket, message: bytes) -> bytes:
    connection.sendall(struct.pack("!I", len(message)) + message)
    with connection.makefile("rb") as stream:
        return stream.read(len(message))


def _converse(port: int, source: str, size: int, wrap: Wrap) -> Fields:
    message = random.randbytes(size)
    try:
        with wrap(socket.create_connection((HOST, port), DEADLINE, (source, 0))) as connection:
            own_port = connection.getsockname()[1]
            answer = _exchange(connection, message)
    except OSError as error:
        raise process.Failure(f"{source} could not talk with the mirror: {error}") from error
    common.expect(answer == message[::-1], f"{source} did not get its message in reverse")
    return {"client": f"{source}:{own_port}", "upload": str(4 + size), "download": str(size),
            "reason": "client_end"}


def converse(port: int, network: str, wrap: Wrap = unwrapped) -> list[Fields]:
    """Many messages to the mirror and back, some of them long, each from another address of that network; and
    what Weir's log has to say of each."""
    sizes = [SHORT] * MANY + [LONG] * FEW
    sources = [f"{network}{1 + number}" for number in range(len(sizes))]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda source, size: _converse(port, source, size, wrap), sources, sizes))


def metric(server: weir.Weir, name: str, **labels: str) -> float:
    """The sum of the samples that have these labels."""
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    samples = (line for line in server.metrics().splitlines() if line.startswith(name + "{"))
    return sum(float(line.rpartition(" ")[2]) for line in samples if all(label in line for label in wanted))


def expect_nobody_turned_away(server: weir.Weir) -> None:
    for name in ("weir_proxy_header_faults_total", "weir_connections_refused_total"):
        common.expect(metric(server, name) == 0, f"there is something in {name}")


def accepting_listener(name: str, port: int, pool: str) -> str:
    return (f'[listeners.{name}]\nbind = "{HOST}:{port}"\npool = "{pool}"\n'
            'accept_proxy = "required"\nproxy_trust = ["127.0.0.0/8"]\npreread_timeout = "1m"\n')


@dataclasses.dataclass(frozen=True)
class Front:
    """A proxy in front of Weir, which has a listener of the same name for it."""

    name: str
    number: int
    options: str = ""  # those of HAProxy's line for Weir; without any it is nginx
    tells_id: bool = False

    @property
    def has_local(self) -> bool:
        """Whether it can say that a connection is its own, as version 2 does."""
        return "v2" in self.options

    @property
    def address(self) -> str:
        """From where it connects to Weir."""
        return f"127.0.1.{self.number}"

    @property
    def network(self) -> str:
        """That of its clients."""
        return f"127.0.{10 + self.number}."


_UNIQUE_ID = "unique-id-format %[uuid()]"


def start(work: process.Workspace, front: Front, to: int, bind_options: str = "") -> int:
    """Its port. HAProxy checks Weir as well."""
    port = work.free_port()
    if front.options:
        server = f"{HOST}:{to} {front.options} source {front.address} check inter 200ms"
        haproxy.start(work, front.name, HOST, port, [server], bind_options=bind_options, rules=[_UNIQUE_ID],
                      log_format=proxy_logs.HAPROXY_FRONT)
    else:
        nginx.start_stream(work, front.name, HOST, port, [f"{HOST}:{to}"],
                           rules=["proxy_protocol on", f"proxy_bind {front.address}"])
    return port


def sessions(work: process.Workspace, front: Front) -> list[Fields]:
    """Weir's lines about its clients."""
    return proxy_logs.sessions(work, front.name, front.network)


def _entries(work: process.Workspace, front: Front) -> list[Fields]:
    return proxy_logs.entries(work, front.name, proxy_logs.HAPROXY_FRONT, front.network)


def wait_for_logs(work: process.Workspace, front: Front, count: int) -> None:
    proxy_logs.wait_for(lambda: sessions(work, front), count, f"Weir's log about {front.name}")
    if front.options:
        proxy_logs.wait_for(lambda: _entries(work, front), count, f"the log of {front.name}")


def expect_joined(work: process.Workspace, front: Front) -> None:
    """Weir names the proxy that it was, by its own address; HAProxy's log has the same port and id."""
    lines = sessions(work, front)
    for line in lines:
        ours = line["proxy"].startswith(f"{front.address}:")
        common.expect(ours, f"another proxy than {front.name}: {line}")
        common.expect(("proxy_id" in line) == front.tells_id, f"{front.name} and its id: {line}")
    if front.options:
        keys = ("client", "proxy", "proxy_id") if front.tells_id else ("client", "proxy")
        expect_same(f"the log of {front.name} in Weir's", _entries(work, front), lines, *keys)


def expect_sessions(work: process.Workspace, front: Front, said: Sequence[Fields]) -> None:
    """Weir's log has every conversation of its clients, with all that has to be said of them."""
    expect_same(f"conversations through {front.name}", said, sessions(work, front), *said[0])


def checks(work: process.Workspace, front: Front) -> list[Fields]:
    """Weir's sessions that were checks. Some end by a reset before Weir has read what they say."""
    lines = proxy_logs.sessions(work, front.name, f"{front.address}:")
    return [line for line in lines if line["state"] != "preread"]


def expect_checked(work: process.Workspace, server: weir.Weir, front: Front) -> None:
    """HAProxy's checks come with a header, and it finds Weir up. In version 2 they say LOCAL: then HAProxy is
    the client itself. In version 1 they name its own socket as that of a client."""
    proxy_logs.wait_for(lambda: checks(work, front), CHECKS, f"Weir's log about checks by {front.name}")
    seen = checks(work, front)
    proxies = [None if front.has_local else check["client"] for check in seen]
    common.expect([check.get("proxy") for check in seen] == proxies,
                  f"the proxies of checks by {front.name} are not {proxies}: {seen}")
    local = metric(server, "weir_proxy_headers_total", listener=front.name, says="nothing")
    common.expect(local >= CHECKS if front.has_local else local == 0,
                  f"{local:.0f} headers of {front.name} name no client")
    row = haproxy.statistics(work, front.name, "s0")
    common.expect(row["status"].startswith("UP") and row["chkdown"] == "0",
                  f"{front.name} finds Weir {row['status']}, was down {row['chkdown']} times")
