"""What is measured: no proxy, other proxies, the floor and Weir, each started with one worker or several.

A target is started once and serves all scenarios.
"""

import dataclasses
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "support"))

import tls  # noqa: E402
from peers import floor, haproxy, nginx, pen, process, socket_proxyd, weir  # noqa: E402

ABOUT = {
    "direct": "no proxy",
    "floor": "bench/floor: the least that a proxy in user space costs",
    "nginx": "nginx's stream module",
    "haproxy": "HAProxy in TCP mode",
    "haproxy-splice": "the same with its options splice-request and splice-response",
    "socket-proxyd": "systemd-socket-proxyd",
    "pen": "pen",
    "weir": "Weir",
    "weir-one": "Weir with one worker, beside several (--workers)",
    "other": "another build of Weir (--other)",
}
# The first two are one thread, whatever they are told.
OF_ONE_WORKER = ("socket-proxyd", "pen", "weir-one")


@dataclasses.dataclass(frozen=True)
class Target:
    """Where the load goes, and whose CPU time counts; no process for the way without a proxy."""

    name: str
    host: str
    port: int
    pid: int | None = None
    workers: int = 1
    ports: tuple[int, ...] = ()  # of all listeners, in the order in which they are opened

    def cpu_seconds(self) -> float:
        return process.cpu_seconds(self.pid) if self.pid else 0.0

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


@dataclasses.dataclass(frozen=True)
class Setting:
    """What targets are started with. `where` is the proxies' place, `way` what is done with TLS (tls.py); none: nothing."""

    front: str
    backends: list[str]
    workers: int
    where: process.Where
    binaries: dict[str, str]  # "weir", "other", "floor"
    listeners: int = 1
    way: str = ""


def workers_of(name: str, asked: int) -> int:
    """How many it has; none where there is no proxy."""
    return 0 if name == "direct" else 1 if name in OF_ONE_WORKER else asked


def start(work: process.Workspace, name: str, setting: Setting) -> Target:
    if name == "direct":
        host, _, port = setting.backends[0].partition(":")
        return Target(name, host, int(port), workers=0)
    label = f"{name}-{setting.workers}"
    more = sorted(work.free_port(setting.front) for _ in range(setting.listeners - 1))
    host, backends, where = setting.front, setting.backends, setting.where
    workers = workers_of(name, setting.workers)
    if name in ("weir", "weir-one", "other"):
        binary = setting.binaries["other" if name == "other" else "weir"]
        one = weir.start(work, binary, backends, name=label, host=host, sessions="none",
                         workers=str(workers), more_ports=more, where=where, rules=tls.of_weir(setting.way, work))
        return Target(name, one.host, one.port, one.process.pid, workers, (one.port, *more))
    port = work.free_port(host)
    if name == "floor":
        started = floor.start(work, label, setting.binaries[name], host, port, backends, workers=workers, where=where)
    elif name == "nginx":
        started = nginx.start_stream(work, label, host, port, backends, workers=workers, more_ports=more, where=where,
                                     **tls.of_nginx(setting.way, work))
    elif name == "pen":
        started = pen.start(work, label, host, port, backends, where=where)
    elif name == "socket-proxyd":
        started = socket_proxyd.start(work, label, host, port, backends[0], where=where)
    else:
        started = haproxy.start(work, label, host, port, backends, threads=workers, splice=name == "haproxy-splice",
                                more_ports=more, where=where, **tls.of_haproxy(setting.way, work))
    return Target(name, host, port, started.pid, workers, (port, *more))
