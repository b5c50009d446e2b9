"""Runs the load generator, connection_load, and reads what it saw."""

import contextlib
import dataclasses
import json
import subprocess
from collections.abc import Iterator

from peers import process

SLICES_PER_SECOND = 10  # of `Tally.served_in`
FIRST_CLIENT = "127.1.0.1"  # all client addresses lie in CLIENTS
CLIENTS = "127.1.0.0/16"


@dataclasses.dataclass
class Tally:
    """What became of the connections; limits/tally.h says what each count means."""

    offered: int
    served: int
    reset: int
    closed: int
    unserved: int
    silent: int
    failed: int
    abandoned: int
    lost: int
    seconds: float
    cpu_seconds: float
    latest_ms: float
    served_in: list[int]
    kept: list[int]
    most_kept: list[int]

    @property
    def refused(self) -> int:
        return self.reset + self.closed

    @property
    def connected(self) -> int:
        return self.served + self.refused + self.unserved

    @property
    def timed_out(self) -> int:
        return self.unserved + self.silent

    def faults(self) -> dict[str, object]:
        """What makes any run invalid: connects that failed on this side, connections that the proxy cut."""
        return {name: count for name, count in (("failed", self.failed), ("lost", self.lost)) if count}


@dataclasses.dataclass(frozen=True)
class Generator:
    """The program, and how many client addresses it uses."""

    program: str
    clients: int

    def offer(self, target: str, *, rate: int, seconds: int, patience: float) -> Tally:
        """So many connects a second, whatever becomes of them."""
        return self._run("offer", target, patience, rate=rate, seconds=seconds)

    def flood(self, target: str, *, count: int, at_once: int, hold: int) -> Tally:
        """As fast as it goes, `at_once` under way, after each client has taken `hold` connections to keep."""
        return self._run("flood", target, 5, count=count, at_once=at_once, hold=hold)

    def press(self, target: str, *, rate: int, seconds: int, hold: int) -> Tally:
        """As `offer`, after each client has taken `hold` connections to keep."""
        return self._run("offer", target, 5, rate=rate, seconds=seconds, hold=hold)

    def knock(self, target: str, *, count: int) -> Tally:
        """SYNs whose answers nobody waits for."""
        return self._run("knock", target, 1, count=count)

    @contextlib.contextmanager
    def crowd(self, target: str, *, count: int) -> Iterator[Tally]:
        """All at once; what is served is kept until the block is left."""
        argv = self._argv("crowd", target, 5, count=count)
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, start_new_session=True) as running:
            try:
                line = running.stdout.readline()
                if not line:
                    raise process.Failure(f"the load failed: {running.communicate(timeout=10)[1]}")
                yield Tally(**json.loads(line))
            finally:
                process.end(running)

    def _run(self, load: str, target: str, patience: float, **options: int) -> Tally:
        done = subprocess.run(self._argv(load, target, patience, **options), capture_output=True, text=True,
                              check=False, timeout=options.get("seconds", 60) + patience + 30)
        if done.returncode != 0:
            raise process.Failure(f"the load failed with status {done.returncode}: {done.stderr}")
        return Tally(**json.loads(done.stdout))

    def _argv(self, load: str, target: str, patience: float, **options: int) -> list[str]:
        argv = [self.program, load, "--to", target, "--from", FIRST_CLIENT, "--clients", str(self.clients),
                "--patience-ms", str(round(patience * 1000))]
        for name, value in options.items():
            argv += [f"--{name.replace('_', '-')}", str(value)]
        return process.with_parent(argv)


def start_server(work: process.Workspace, program: str, name: str, host: str) -> tuple[str, subprocess.Popen[bytes]]:
    """One of the generator's own servers: `serve` greets each client with a byte, `refuse` resets it."""
    port = work.free_port(host)
    server = work.spawn(name, [program, name, "--at", f"{host}:{port}"])
    work.wait_for_port(name, server, host, port)
    return f"{host}:{port}", server
