"""Scenarios, targets, and one sample: a target under a scenario's load for some seconds.

A target is started once and serves all scenarios; a scenario visits the targets in turn, round after round, so that
whatever else the machine does meets all of them alike.
"""

import dataclasses
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "support"))

from peers import haproxy, nginx, process, weir, wrk  # noqa: E402

# Two addresses of the loopback net for the backends: a pair of addresses has about 28 000 source ports, and closed
# connections keep theirs for a while.
BACKENDS = ["127.0.0.2", "127.0.0.3"]
FRONT = "127.0.0.4"
BODY = "body-16MiB"
BODY_BYTES = 16 << 20


@dataclasses.dataclass(frozen=True)
class Scenario:
    """What the clients do. `per_byte`: rate and cost are counted in gigabytes instead of requests."""

    name: str
    about: str
    connections: int
    path: str = "/"
    headers: tuple[str, ...] = ()
    per_byte: bool = False


SCENARIOS = {one.name: one for one in (
    Scenario("keepalive", "64 connections that stay, tiny requests", 64),
    Scenario("connections", "a connection for each tiny request, 64 at a time", 64, headers=("Connection: close",)),
    Scenario("bulk", "16 MiB bodies, 8 connections that stay", 8, path=f"/{BODY}", per_byte=True),
)}


@dataclasses.dataclass(frozen=True)
class Target:
    """Where the load goes, and whose CPU time counts; no process for the way without a proxy."""

    name: str
    host: str
    port: int
    pid: int | None = None

    def cpu_seconds(self) -> float:
        return process.cpu_seconds(self.pid) if self.pid else 0.0


@dataclasses.dataclass
class Sample:
    """One run. `rate` is requests/s or GB/s, `cost` CPU microseconds a request or CPU seconds a GB."""

    target: str
    round: int
    requests: int
    bytes: int
    seconds: float
    rate: float
    cpu_seconds: float
    cost: float | None
    busy: float | None
    p50_us: float
    p99_us: float
    max_us: float
    load_average: float
    errors: dict[str, int]


def start_backends(work: process.Workspace) -> list[str]:
    (work.path / "www").mkdir()
    with open(work.path / "www" / BODY, "wb") as body:
        for _ in range(BODY_BYTES >> 20):
            body.write(os.urandom(1 << 20))
    port = work.free_port(*BACKENDS)
    nginx.start_http(work, "backend", BACKENDS, port)
    return [f"{host}:{port}" for host in BACKENDS]


def start_target(work: process.Workspace, name: str, backends: list[str], binary: str) -> Target:
    """Starts one worker of what `name` says. `binary` is the Weir to start as "weir" and as "other"."""
    if name == "direct":
        host, _, port = backends[0].partition(":")
        return Target(name, host, int(port))
    if name in ("weir", "other"):
        one = weir.start(work, binary, backends, name=name, host=FRONT, sessions="none")
        return Target(name, one.host, one.port, one.process.pid)
    port = work.free_port(FRONT)
    start = {"nginx": nginx.start_stream, "haproxy": haproxy.start}[name]
    return Target(name, FRONT, port, start(work, name, FRONT, port, backends).pid)


def take_sample(target: Target, scenario: Scenario, number: int, seconds: float) -> Sample:
    before = target.cpu_seconds()
    run = wrk.run(f"http://{target.host}:{target.port}{scenario.path}", connections=scenario.connections,
                  seconds=seconds, headers=list(scenario.headers))
    cpu = target.cpu_seconds() - before
    amount = run.bytes / 1e9 if scenario.per_byte else float(run.requests)
    cost = cpu / amount * (1.0 if scenario.per_byte else 1e6) if target.pid and amount else None
    return Sample(target.name, number, run.requests, run.bytes, run.seconds, amount / run.seconds, cpu, cost,
                  cpu / run.seconds if target.pid else None, run.p50_us, run.p99_us, run.max_us,
                  os.getloadavg()[0], run.errors() | ({} if run.requests else {"no_request": 1}))
