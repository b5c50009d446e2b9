"""One sample: a target under a scenario's load for some seconds, and how the load is made."""

import dataclasses
import os

from targets import Target  # makes the package `peers` known

from peers import nginx, process, request_load, wrk
from scenarios import BODIES, Scenario

@dataclasses.dataclass
class Sample:
    """One run. `rate` is requests/s or GB/s, `cost` CPU microseconds a request or CPU seconds a GB, of the proxy's
    processes; `busy` is their CPU time over the run's, for each worker. Latencies are the load's: from when a request was due, in open
    loads (`share`)."""

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
    p999_us: float
    max_us: float
    load_average: float
    errors: dict[str, int]


@dataclasses.dataclass(frozen=True)
class Load:
    """Who makes the load, from where, and how long. `clients` is the first of the clients' addresses."""

    request_load: str  # the binary
    where: process.Where
    clients: str
    seconds: float
    per_second: float | None = None  # for scenarios with a share


def start_backends(work: process.Workspace, hosts: list[str], where: process.Where) -> list[str]:
    (work.path / "www").mkdir()
    for name, size in BODIES.items():
        (work.path / "www" / name).write_bytes(os.urandom(size))
    port = work.free_port(*hosts)
    nginx.start_http(work, "backend", hosts, port, where=where)
    return [f"{host}:{port}" for host in hosts]


def run_load(target: Target, scenario: Scenario, load: Load) -> wrk.Run | request_load.Run:
    """By wrk, the tool that people repeat it with, where it can: it has one client address, no fixed rate, and copies bodies."""
    if scenario.share is None and scenario.addresses == 0 and not scenario.per_byte:
        return wrk.run(f"http://{target.address}{scenario.path}", connections=scenario.connections, seconds=load.seconds,
                       headers=["Connection: close"] if scenario.each else [], where=load.where)
    options = ["--path", scenario.path]
    if scenario.per_byte:
        options.append("--discard")
    if scenario.each:
        options.append("--each")
    if scenario.addresses:
        options += ["--from", load.clients, "--addresses", str(scenario.addresses)]
    if load.per_second is not None:
        options += ["--rate", f"{load.per_second:.0f}"]
    return request_load.run(load.request_load, "closed" if load.per_second is None else "open", target.address,
                            connections=scenario.connections, seconds=load.seconds, options=options, where=load.where)


def take_sample(target: Target, scenario: Scenario, number: int, load: Load, workers: int) -> Sample:
    before = target.cpu_seconds()
    run = run_load(target, scenario, load)
    cpu = target.cpu_seconds() - before
    amount = run.bytes / 1e9 if scenario.per_byte else float(run.requests)
    cost = cpu / amount * (1.0 if scenario.per_byte else 1e6) if target.pid and amount else None
    return Sample(target.name, number, run.requests, run.bytes, run.seconds, amount / run.seconds, cpu, cost,
                  cpu / run.seconds / workers if target.pid else None, run.p50_us, run.p99_us, run.p999_us, run.max_us,
                  os.getloadavg()[0], run.errors() | ({} if run.requests else {"no_request": 1}))
