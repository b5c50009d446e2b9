"""A folder and the processes that live in it: started, waited for, measured and ended by id."""

import dataclasses
import errno
import os
import pathlib
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from types import FrameType, TracebackType

SKIP = 77  # what ctest takes for "skipped" (SKIP_RETURN_CODE)
TICKS = os.sysconf("SC_CLK_TCK")


class Failure(Exception):
    """Something that was expected of a peer or of Weir did not happen."""


def skip(reason: str) -> None:
    """Ends the test as skipped, loudly."""
    print(f"SKIPPED: {reason}", flush=True)
    sys.exit(SKIP)


def need(program: str, package: str) -> str:
    """The path of a program, or the end of the test as skipped."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if path is None:
        skip(f"{program} is not installed (Debian's package: {package})")
    return str(path)


def wait_until(condition, what: str, seconds: float = 10.0) -> None:
    """Waits for `condition()` to be true, or fails with `what` was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.002)


def expect(claim: bool, what: str) -> None:
    """Fails with `what` was expected where it is not so."""
    if not claim:
        raise Failure(what)


def answers(host: str, port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


@dataclasses.dataclass(frozen=True)
class Where:
    """Where a process and what it starts run: on these processors, in this network namespace; anywhere for none."""

    cores: frozenset[int] = frozenset()
    namespace: str = ""


def raise_descriptors() -> None:
    """As many as this process may have, for it and what it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Workspace:
    """A temporary folder with its processes. Leaving the `with` block ends the processes and removes the folder.

    A driver that is killed takes them along: each asks the kernel for a signal at its parent's death, which is that of
    the thread that spawned it.
    """

    def __init__(self) -> None:
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="weir-peers."))
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._ports: set[int] = set()
        self.started_at = 0.0  # when the last process was, time.monotonic()

    def __enter__(self) -> "Workspace":
        signal.signal(signal.SIGTERM, _exit_on_signal)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if isinstance(error, Failure):
            self.show_logs()
        for _, process in reversed(self._running):
            end(process)
        shutil.rmtree(self.path, ignore_errors=True)

    def free_port(self, *hosts: str) -> int:
        """A port that is free on all of `hosts`, outside the range from which the kernel takes source ports."""
        for _ in range(1000):
            port = random.randrange(18000, 32000)
            if port not in self._ports and all(_can_bind(host, port) for host in hosts or ("127.0.0.1",)):
                self._ports.add(port)
                return port
        raise Failure("no free port was found in 1000 tries")

    def write(self, name: str, text: str) -> pathlib.Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def spawn(self, name: str, argv: list[str], env: dict[str, str] | None = None,
              where: Where | None = None) -> subprocess.Popen[bytes]:
        """Starts a process that lives as long as the workspace; its output goes to NAME.log there. It
        runs `where` it should."""
        self.started_at = time.monotonic()
        with open(self.path / f"{name}.log", "ab") as log:
            process = subprocess.Popen(with_parent(placed(argv, where)), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       cwd=self.path, env=env, start_new_session=True)
        self._running.append((name, process))
        return process

    def exchange_cores(self, one: frozenset[int], other: frozenset[int]) -> None:
        """What is pinned to the processors `one` is pinned to `other` from now on, and what is pinned to `other` to `one`."""
        exchanged = {one: other, other: one}
        for _, process in self._running:
            for pid in descendants(process.pid):
                for thread in os.listdir(f"/proc/{pid}/task"):
                    cores = frozenset(os.sched_getaffinity(int(thread)))
                    os.sched_setaffinity(int(thread), exchanged.get(cores, cores))

    def log(self, name: str) -> str:
        return (self.path / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def show_logs(self) -> None:
        for name, process in self._running:
            print(f"--- the end of {name}'s log (exit status {process.poll()})\n{self.log(name)[-2000:]}", flush=True)

    def wait_for_port(self, name: str, process: subprocess.Popen[bytes], host: str, port: int) -> None:
        """Waits until the process accepts connections; fails at once when it has ended instead."""
        def ready() -> bool:
            if process.poll() is not None:
                raise Failure(f"{name} ended at once, with status {process.returncode}")
            return answers(host, port)
        wait_until(ready, f"{name} on {host}:{port}")


def with_parent(argv: list[str]) -> list[str]:
    """The command, so that it gets SIGTERM when the thread that starts it ends (prctl(2), PR_SET_PDEATHSIG)."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--", *argv] if setpriv else argv


def placed(argv: list[str], where: Where | None) -> list[str]:
    """The command, so that it runs there (taskset(1), ip-netns(8))."""
    if where and where.cores:
        cores = ",".join(str(core) for core in sorted(where.cores))
        argv = [need("taskset", "util-linux"), "--cpu-list", cores, *argv]
    if where and where.namespace:
        argv = [need("ip", "iproute2"), "netns", "exec", where.namespace, *argv]
    return argv


def end(process: subprocess.Popen[bytes], seconds: float = 5.0) -> int:
    """Asks a process to end and sees to it that it does; returns its exit status."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            # A group by itself: it must have been started as one (start_new_session).
            os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def descendants(pid: int) -> list[int]:
    """The process and all that came from it and still run."""
    found = [pid]
    for parent in found:
        try:
            children = pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii")
        except OSError:
            continue
        found.extend(int(child) for child in children.split())
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of the process, its threads and its children, from /proc (proc(5), utime to cstime)."""
    ticks = 0
    for one in descendants(pid):
        fields = pathlib.Path(f"/proc/{one}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / TICKS


def seconds_on_cpu(pid: int) -> float:
    """The same to the nanosecond, of those threads that still run (the kernel's sched-stats.rst, /proc/PID/schedstat)."""
    texts = (stat.read_text(encoding="ascii") for one in descendants(pid)
             for stat in pathlib.Path(f"/proc/{one}/task").glob("*/schedstat"))
    return sum(int(text.split()[0]) for text in texts) / 1e9


def times_slept(pid: int) -> int:
    """How often the threads of the process and of its children have waited for something (proc(5), status)."""
    texts = (status.read_text(encoding="utf-8") for one in descendants(pid)
             for status in pathlib.Path(f"/proc/{one}/task").glob("*/status"))
    return sum(int(line.split()[1]) for text in texts for line in text.splitlines() if line.startswith("voluntary_ctxt"))


def _can_bind(host: str, port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((host, port))
        except OSError as error:
            # An address of another network namespace can be bound there.
            return error.errno == errno.EADDRNOTAVAIL
    return True


def _exit_on_signal(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
