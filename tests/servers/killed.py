"""What the tests share in which one of two servers is killed under load."""

import os
import pathlib
import re
import signal
import subprocess

import common
from peers import process, weir

def kill(server: subprocess.Popen[bytes]) -> None:
    """Ends a server of this test and the processes that it started, each by its id and without a word to its clients.

    The first goes first, so that it starts no new ones, and is gone before the next goes: what listens is then open in
    the last one only.
    """
    for one in process.descendants(server.pid):
        try:
            os.kill(one, signal.SIGKILL)
        except ProcessLookupError:
            continue  # it went with another one
        process.wait_until(lambda pid=one: not _has_files(pid), f"process {one} to end")
    server.wait(10)


def _has_files(pid: int) -> bool:
    """Whether the process still holds its descriptors; one that has ended and was not waited for holds none."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def in_flight(server: weir.Weir, backend: str) -> int:
    return int(server.values("weir_backend_in_flight_sessions", "backend")[backend])


def sessions(server: weir.Weir, backend: str) -> int:
    return int(server.values("weir_backend_sessions_total", "backend")[backend])


def download_bytes(server: weir.Weir, backend: str) -> int:
    return int(server.values("weir_backend_download_bytes_total", "backend")[backend])


def closed(server: weir.Weir) -> dict[str, float]:
    """How many sessions have closed for each reason."""
    return {why: count for why, count in server.values("weir_sessions_closed_total", "reason").items() if count}


def expect_no_other_lost(work: process.Workspace, survivor: str) -> None:
    """No session at the other server ended but as its client wanted, and none came to no server at all."""
    bad = [line for line in work.log("weir").splitlines()
           if " session " in line and " reason=client_" not in line
           and (f" backend={survivor} " in line or " reason=backend_" not in line)]
    common.expect(not bad, f"{len(bad)} sessions are lost that were not at the killed one: {bad[:3]}")


class Sessions:
    """Those at one backend: at the first look, and that have come since; a server that dies may take some until its last
    moment."""

    def __init__(self, server: weir.Weir, backend: str) -> None:
        self._server, self._backend = server, backend
        self._begun = sessions(server, backend)
        self._there = in_flight(server, backend)

    def count(self) -> int:
        return self._there + sessions(self._server, self._backend) - self._begun


def wait_for_state(server: weir.Weir, backend: str, state: str) -> None:
    sample = re.compile(rf'^weir_backend_state\{{[^}}]*backend="{re.escape(backend)}"[^}}]*state="{state}"', re.MULTILINE)
    process.wait_until(lambda: sample.search(server.metrics()) is not None, f"{backend} to be {state}")


def expect_told(work: process.Workspace, event: str, backend: str) -> None:
    """Weir's log has one line of it."""
    def lines() -> list[str]:
        return [line for line in work.log("weir").splitlines() if f" {event} " in line and f"backend={backend} " in line]
    process.wait_until(lambda: bool(lines()), f"{event} of {backend} in the log")
    common.expect(len(lines()) == 1, f"{event} of {backend} is told {len(lines())} times: {lines()}")
    print(lines()[0], flush=True)
