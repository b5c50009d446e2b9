"""What a process costs before and without traffic: its start, its memory, and connections that stand idle.

Each sample has a process of its own, started for it and ended after it.
"""

import dataclasses
import os
import pathlib
import time

import measure
import scenarios
import targets
import tls
from figures import align, show_runs, show_spread, spread
from peers import process, request_load

IDLE_SECONDS = 5.0
# Until what a proxy does once for a young connection is done.
SETTLE_SECONDS = 2.5
SLOW_SECONDS = 8.0
SLOW_BYTES = 512_000


@dataclasses.dataclass(frozen=True)
class Scenario:
    """`backends` and `listeners` are how many there are. `idle`: so many connections ask once and then stand. `slow`: so
    many fetch files and read them slowly. `loads`: the load of the scenario "connections" is put on it. `tls` as in
    scenarios.Scenario."""

    name: str
    about: str
    backends: int = 2
    listeners: int = 1
    idle: int = 0
    slow: int = 0
    loads: bool = False
    tls: str = ""


ALL = {one.name: one for one in (
    Scenario("idle", "9 000 connections that have asked once (512 bytes each way), and stand", idle=9_000),
    Scenario("tls-idle", "2 000 connections whose TLS ends at the proxy, that have asked once (512 bytes each way), and stand",
             idle=2_000, tls="full"),
    Scenario("slow", "200 connections that fetch 16 MiB bodies and read 512 KB/s each", slow=200),
    Scenario("backends-1", "a start with 1 backend, then a connection for each request", backends=1, loads=True),
    Scenario("backends-10", "a start with 10 backends, then a connection for each request", backends=10, loads=True),
    Scenario("backends-1000", "a start with 1 000 backends, then a connection for each request", backends=1_000, loads=True),
    Scenario("backends-10000", "a start with 10 000 backends, then a connection for each request", backends=10_000, loads=True),
    Scenario("listeners-1000", "a start with 1 000 listeners", listeners=1_000),
)}


class Backends:
    """One with files and one for tiny requests, on every address of the loopback net, so that there can be thousands."""

    def __init__(self, load: measure.Load) -> None:
        self._work = process.Workspace()
        self._load = load

    def __enter__(self) -> "Backends":
        self._work.__enter__()
        self.files = measure.start_file_server(self._work, ["0.0.0.0"], self._load.where)[0].rpartition(":")[2]
        self.responder = measure.Responder(["0.0.0.0"], self._work.free_port("0.0.0.0"))
        return self

    def __exit__(self, *error: object) -> None:
        self._work.__exit__(*error)


def can(target: str, scenario: Scenario) -> bool:
    """Whether it makes sense of the target: some have only one port, or take few connections and backends, or no TLS."""
    if scenario.tls:
        return target in tls.WAYS["ends"]
    if target == "direct":
        return scenario.backends == 2 and scenario.listeners == 1
    return target not in ("socket-proxyd", "pen") and (target != "floor" or scenario.listeners == 1)


@dataclasses.dataclass
class Sample:
    """One process. Times in seconds, memory in bytes; `start` lasts from its spawn until its last port answers, `memory`
    is what it holds then, `each` what a connection added to that, `kernel_each` what it added to the memory of the kernel
    (sockets of clients and backends included), `idle_cpu` its processor time in a second of standing idle, `idle_wakes`
    how often its threads went to sleep in one. `rate`, `cost`, `busy` and `kernel` as in measure.Sample; `gigabytes` a
    second."""

    target: str
    round: int
    errors: dict[str, int]
    start: float | None = None
    memory: int | None = None
    each: float | None = None
    kernel_each: float | None = None
    idle_cpu: float | None = None
    idle_wakes: float | None = None
    rate: float | None = None
    cost: float | None = None
    busy: float | None = None
    gigabytes: float | None = None
    kernel: dict[str, int] = dataclasses.field(default_factory=dict)


def memory_of(pid: int) -> int:
    """Of the process and its children, shared pages by their part (proc(5), smaps_rollup)."""
    total = 0
    for one in process.descendants(pid):
        for line in pathlib.Path(f"/proc/{one}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def kernel_memory() -> int:
    """What the kernel holds for itself: slabs, and the pages of TCP's buffers."""
    slab = next(int(line.split()[1]) * 1024 for line in pathlib.Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
                if line.startswith("Slab:"))
    tcp = next(line.split() for line in pathlib.Path("/proc/net/sockstat").read_text(encoding="ascii").splitlines()
               if line.startswith("TCP:"))
    return slab + int(tcp[tcp.index("mem") + 1]) * os.sysconf("SC_PAGE_SIZE")


def many(port: int | str, count: int) -> list[str]:
    """`count` addresses of a backend that listens on every address of the loopback net."""
    return [f"127.{20 + i // 62_500}.{i // 250 % 250}.{i % 250 + 1}:{port}" for i in range(count)]


def take_sample(name: str, number: int, scenario: Scenario, setting: targets.Setting, load: measure.Load,
                backends: Backends) -> Sample:
    sample = Sample(name, number, {})
    port = backends.responder.port if scenario.loads else backends.files
    setting = dataclasses.replace(setting, backends=many(port, scenario.backends), listeners=scenario.listeners,
                                  way="ends" if scenario.tls else "")
    with process.Workspace() as work:
        counted = measure.kernel_counters(None)
        with backends.responder.is_there(load):
            target = targets.start(work, name, setting)
            if target.pid:
                process.wait_until(lambda: process.answers(target.host, target.ports[-1]), f"{name}'s last port")
                sample.start = time.monotonic() - work.started_at
                time.sleep(0.3)
                sample.memory = memory_of(target.pid)
            if scenario.loads:
                measure.reach(target, load)
        if scenario.idle:
            hold_idle(sample, target, scenario, load)
        if scenario.slow:
            feed_slowly(sample, target, scenario, load)
        if scenario.loads:
            load = dataclasses.replace(load, answers=backends.responder.arguments)
            run = measure.take_sample(target, scenarios.ALL["connections"], number, load)
            sample.rate, sample.cost, sample.busy, sample.errors = run.rate, run.cost, run.busy, run.errors
        sample.kernel = dict(measure.kernel_counters(None) - counted)
    return sample


def hold_idle(sample: Sample, target: targets.Target, scenario: Scenario, load: measure.Load) -> None:
    """Opens the connections, waits for all of them to stand, and looks at what they took."""
    before, kernel_before = memory_of(target.pid) if target.pid else 0, kernel_memory()
    arguments = ["--to", target.address, "--connections", str(scenario.idle), "--path", "/body-512?" + "x" * 400,
                 *measure.tls_arguments(scenario.tls)]
    seconds = IDLE_SECONDS + SETTLE_SECONDS + 3
    with request_load.Load(load.request_load, "idle", arguments, seconds, load.where) as idle:
        idle.wait_for("begins")
        time.sleep(SETTLE_SECONDS)
        sample.kernel_each = (kernel_memory() - kernel_before) / scenario.idle
        if target.pid:
            sample.each = (memory_of(target.pid) - before) / scenario.idle
            cpu, slept = process.seconds_on_cpu(target.pid), process.times_slept(target.pid)
            time.sleep(IDLE_SECONDS)
            sample.idle_cpu = (process.seconds_on_cpu(target.pid) - cpu) / IDLE_SECONDS
            sample.idle_wakes = (process.times_slept(target.pid) - slept) / IDLE_SECONDS
        sample.errors = idle.finish().errors()


def feed_slowly(sample: Sample, target: targets.Target, scenario: Scenario, load: measure.Load) -> None:
    """Looks at what the connections take when every buffer on the way is full."""
    before, kernel_before = memory_of(target.pid) if target.pid else 0, kernel_memory()
    arguments = ["--to", target.address, "--connections", str(scenario.slow), "--path", "/body-16MiB",
                 "--read-rate", str(SLOW_BYTES), "--patience", "120", "--discard"]
    with request_load.Load(load.request_load, "closed", arguments, SLOW_SECONDS, load.where) as slow:
        slow.wait_for("begins")
        time.sleep(SLOW_SECONDS / 2)
        sample.kernel_each = (kernel_memory() - kernel_before) / scenario.slow
        if target.pid:
            sample.each = (memory_of(target.pid) - before) / scenario.slow
        run = slow.finish()
    sample.errors = run.errors()
    sample.gigabytes = run.bytes / 1e9 / run.seconds


FIELDS: dict[str, tuple[str, float, str]] = {
    "start": ("start ms", 1e3, "{:.0f}"),
    "memory": ("memory MB", 1e-6, "{:.1f}"),
    "each": ("bytes/connection", 1.0, "{:.0f}"),
    "kernel_each": ("kernel bytes/connection", 1.0, "{:.0f}"),
    "idle_cpu": ("idle CPU %", 1e2, "{:.2f}"),
    "idle_wakes": ("wakes/s", 1.0, "{:.1f}"),
    "rate": ("connections/s", 1.0, "{:.0f}"),
    "cost": ("CPU us each", 1.0, "{:.2f}"),
    "busy": ("busy", 1e2, "{:.0f}%"),
    "gigabytes": ("GB/s", 1.0, "{:.3f}"),
}


def summarise(samples: list[Sample], names: list[str]) -> dict[str, dict[str, object]]:
    result: dict[str, dict[str, object]] = {}
    for name in names:
        valid = [s for s in samples if s.target == name and not s.errors]
        result[name] = {"valid_runs": len(valid), "invalid_runs": sum(s.target == name for s in samples) - len(valid),
                        **{field: spread([getattr(s, field) for s in valid if getattr(s, field) is not None])
                           for field in FIELDS}}
    return result


def rows(result: dict[str, dict[str, object]]) -> list[list[str]]:
    """Of the table, its head first."""
    shown = [field for field in FIELDS if any(values[field] for values in result.values())]
    found = [["", *(FIELDS[field][0] for field in shown), "runs"]]
    for name, values in result.items():
        def show(value: float, field: str) -> str:
            return FIELDS[field][2].format(value * FIELDS[field][1])
        cells = [show_spread(values[field], lambda v, f=field: show(v, f), True) for field in shown]
        found.append([name, *cells, show_runs(values)])
    return found


def table(scenario: Scenario, result: dict[str, dict[str, object]]) -> str:
    return f"{scenario.name}: {scenario.about}\n{align(rows(result))}\n"
