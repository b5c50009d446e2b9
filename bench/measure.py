"""One sample: a target under a scenario's load for some seconds, and how the load is made."""

import collections
import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Iterator

from targets import Target  # makes the package `peers` known

from peers import nginx, process, request_load, wrk
from scenarios import BODIES, Scenario

# Of each load, before what counts.
WARM_UP_SECONDS = 0.5
# What of it rises in a run is stored with the run: a queue was too short, or packets were lost (proc(5), net/netstat).
KERNEL_COUNTERS = ("ListenOverflows", "TCPSynRetrans", "TCPTimeWaitOverflow")


@dataclasses.dataclass
class Sample:
    """One run. `rate` is requests/s or GB/s, `cost` CPU microseconds a request or CPU seconds a GB, of the proxy's
    processes; `busy` is their CPU time over the run's, for each worker, and `load_busy` that of the load, which may be
    the backend too. Latencies are the load's: from when a request was due, in loads of a fixed rate. `kernel` is what rose
    of the kernel's counters of what should not happen, among everybody in the clients' network and in the proxy's."""

    target: str
    round: int
    requests: int
    bytes: int
    seconds: float
    rate: float
    cpu_seconds: float
    cost: float | None
    busy: float | None
    load_busy: float | None
    p50_us: float
    p99_us: float
    p999_us: float
    max_us: float
    load_average: float
    kernel: dict[str, int]
    errors: dict[str, int]


@dataclasses.dataclass(frozen=True)
class Load:
    """Who makes the load, from where, and how long. `clients` is the first of the clients' addresses."""

    request_load: str  # the binary
    where: process.Where
    clients: str
    seconds: float
    per_second: float | None = None  # for scenarios with a share
    answers: tuple[str, ...] = ()    # what makes it the backend too
    by_wrk: bool = False

    def start(self, scenario: Scenario, target: str, more: tuple[str, ...] = ()) -> request_load.Load:
        """Of request_load."""
        arguments = ["--to", target, "--connections", str(scenario.connections), "--path", scenario.path,
                     "--warm-up", str(WARM_UP_SECONDS), *more]
        if not scenario.is_tiny:
            arguments.append("--discard")
        arguments += tls_arguments(scenario.tls)
        if scenario.each:
            arguments.append("--each")
        if scenario.addresses:
            arguments += ["--from", self.clients, "--addresses", str(scenario.addresses)]
        rate = scenario.per_second or self.per_second
        if rate is not None:
            arguments += ["--rate", f"{rate:.0f}"]
        return request_load.Load(self.request_load, "closed" if rate is None else "open", arguments, self.seconds, self.where)


def start_file_server(work: process.Workspace, hosts: list[str], where: process.Where) -> list[str]:
    """nginx with the bodies; its addresses."""
    (work.path / "www").mkdir()
    for name, size in BODIES.items():
        (work.path / "www" / name).write_bytes(os.urandom(size))
    port = work.free_port(*hosts)
    nginx.start_http(work, "backend", hosts, port, where=where)
    return [f"{host}:{port}" for host in hosts]


@dataclasses.dataclass(frozen=True)
class Responder:
    """The backend of tiny requests: request_load itself. It comes and goes with each load, and is there while proxies
    start: else they would begin with backends that have failed."""

    hosts: list[str]
    port: int
    namespace: str = ""

    @property
    def arguments(self) -> tuple[str, ...]:
        """For request_load."""
        where = ("--answer-in", f"/var/run/netns/{self.namespace}") if self.namespace else ()
        return ("--answer-at", *(f"{host}:{self.port}" for host in self.hosts), *where)

    @contextlib.contextmanager
    def is_there(self, load: Load) -> Iterator[None]:
        with request_load.Load(load.request_load, "answer", self.arguments, 3_600, load.where) as answering:
            host = self.hosts[0] if self.hosts[0] != "0.0.0.0" else "127.0.0.1"
            answering.wait_until_it_answers(host, self.port)
            yield


def tls_arguments(tls: str) -> list[str]:
    """For request_load, by a scenario's word."""
    return ["--hello"] if tls == "hello" else ["--tls", tls] if tls else []


def reach(target: Target, load: Load, tls: str = "") -> None:
    """A request through it while the backend is there: what its start has begun is behind it then."""
    arguments = ["--to", target.address, "--connections", "1", *tls_arguments(tls)]
    with request_load.Load(load.request_load, "idle", arguments, 0.1, load.where) as one:
        run = one.finish()
    if run.requests == 0:
        raise process.Failure(f"{target.name} was started, and answers nothing: {run.errors()}")


def run_load(target: Target, scenario: Scenario, load: Load) -> tuple[wrk.Run | request_load.Run, float, float | None]:
    """The run, the proxy's CPU seconds in it, and the load's share of a core (of wrk, nobody knows)."""
    if load.by_wrk:
        before = target.cpu_seconds()
        by_wrk = wrk.run(f"http://{target.address}{scenario.path}", connections=scenario.connections, seconds=load.seconds,
                         headers=["Connection: close"] if scenario.each else [], where=load.where)
        return by_wrk, target.cpu_seconds() - before, None
    with contextlib.ExitStack() as running:
        loads = [running.enter_context(load.start(one, target.address, load.answers)) for one in scenario.parts or [scenario]]
        for one in loads:
            one.wait_for("begins")
        before = target.cpu_seconds()
        for one in loads:
            one.wait_for("over")
        cpu = target.cpu_seconds() - before
        runs = [one.finish() for one in loads]
    run = dataclasses.replace(runs[0], **{field.name: sum(getattr(run, field.name) for run in runs)
                                          for field in dataclasses.fields(request_load.Run) if field.type is int})
    return run, cpu, sum(run.cpu_seconds for run in runs) / run.seconds


def kernel_counters(proxy: int | None) -> collections.Counter[str]:
    """Of this network namespace, and of that of the process `proxy` where it has another."""
    processes = {os.readlink(f"/proc/{one}/ns/net"): one for one in ("self", proxy) if one}
    counters: collections.Counter[str] = collections.Counter()
    for one in processes.values():
        lines = pathlib.Path(f"/proc/{one}/net/netstat").read_text(encoding="ascii").splitlines()
        names, values = (line.split() for line in lines if line.startswith("TcpExt:"))
        counters.update({name: int(value) for name, value in zip(names, values) if name in KERNEL_COUNTERS})
    return counters


def derive(scenario: Scenario, run: wrk.Run | request_load.Run | Sample, cpu: float,
           workers: int) -> tuple[float, float | None, float | None]:
    """A run's rate, cost and busy, as in Sample; the last two only of a proxy, which has workers."""
    amount = run.bytes / 1e9 if scenario.per_byte else float(run.requests)
    cost = cpu / amount * (1.0 if scenario.per_byte else 1e6) if workers and amount else None
    return amount / run.seconds, cost, cpu / run.seconds / workers if workers else None


def take_sample(target: Target, scenario: Scenario, number: int, load: Load) -> Sample:
    before = kernel_counters(target.pid)
    run, cpu, load_busy = run_load(target, scenario, load)
    rose = dict(kernel_counters(target.pid) - before)
    rate, cost, busy = derive(scenario, run, cpu, target.workers)
    return Sample(target.name, number, run.requests, run.bytes, run.seconds, rate, cpu, cost, busy, load_busy, run.p50_us,
                  run.p99_us, run.p999_us, run.max_us, os.getloadavg()[0], rose,
                  run.errors() | ({} if run.requests else {"no_request": 1}))
