"""The proxies that are measured, each with limits of its own, and what they count themselves."""

import dataclasses
from collections.abc import Callable, Sequence

import load
from peers import haproxy, nginx, process, weir

HOST = "127.0.0.4"


@dataclasses.dataclass(frozen=True)
class Proxy:
    """A running proxy. `count` gives its own counts, by the names admitted, refused, open and dropped that it has."""

    name: str
    address: str
    pid: int
    count: Callable[[], dict[str, int]]

    def cpu_seconds(self) -> float:
        return process.cpu_seconds(self.pid)


@dataclasses.dataclass(frozen=True)
class Place:
    """What every proxy of a scenario is started with."""

    work: process.Workspace
    weir: str  # the binary
    load: str  # the load generator
    backend: str


def start_weir(place: Place, name: str, rules: str, workers: int = 1) -> Proxy:
    """`rules` is the table of the listener's limits or of its access list."""
    one = weir.start(place.work, place.weir, [place.backend], name=name, host=HOST, workers=str(workers),
                     sessions="none", rules=rules)

    def count() -> dict[str, int]:
        return {"admitted": _sum(one, "weir_connections_accepted_total"),
                "refused": _sum(one, "weir_connections_refused_total"),
                "open": _sum(one, "weir_sessions_open"),
                "dropped": _sum(one, "weir_packets_dropped_total")}
    return Proxy(name, f"{one.host}:{one.port}", one.process.pid, count)


def start_haproxy(place: Place, name: str, rules: Sequence[str], threads: int = 1) -> Proxy:
    """`rules` are lines for the frontend."""
    port = place.work.free_port(HOST)
    server = haproxy.start(place.work, name, HOST, port, [place.backend], threads=threads, rules=rules)

    def count() -> dict[str, int]:
        own = haproxy.counters(place.work, name)
        return {"admitted": own["stot"], "refused": own["dcon"], "open": own["scur"]}
    return Proxy(name, f"{HOST}:{port}", server.pid, count)


def start_nginx(place: Place, name: str, zones: Sequence[str], rules: Sequence[str], workers: int = 1) -> Proxy:
    """`zones` and `rules` are directives outside of the server and within it. It counts nothing of a stream."""
    if not nginx.has_stream():
        process.skip("nginx's stream module is not installed (Debian's package: libnginx-mod-stream)")
    port = place.work.free_port(HOST)
    server = nginx.start_stream(place.work, name, HOST, port, [place.backend], workers=workers, zones=zones,
                                rules=rules)
    return Proxy(name, f"{HOST}:{port}", server.pid, dict)


def start_bare(place: Place, name: str) -> Proxy:
    """No proxy: a program that accepts each client and resets it, which is the least that a refusal can cost."""
    address, server = load.start_server(place.work, place.load, "refuse", HOST)
    return Proxy(name, address, server.pid, dict)


def _sum(one: weir.Weir, metric: str) -> int:
    return int(sum(one.values(metric, "listener").values()))
