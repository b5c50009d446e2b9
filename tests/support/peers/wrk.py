"""wrk, a load generator for HTTP, and its own account of a run."""

import dataclasses
import json
import pathlib
import subprocess

from . import process

_REPORT = pathlib.Path(__file__).with_name("wrk_report.lua")


@dataclasses.dataclass
class Run:
    """What one run of wrk saw. Times in microseconds but for `seconds`."""

    requests: int
    bytes: int
    seconds: float
    connect_errors: int
    read_errors: int
    write_errors: int
    status_errors: int
    timeouts: int
    p50_us: float
    p99_us: float
    p999_us: float
    max_us: float

    def errors(self) -> dict[str, int]:
        """The errors that occurred, by kind; empty when there were none."""
        kinds = ("connect", "read", "write", "status")
        counted = {kind: getattr(self, f"{kind}_errors") for kind in kinds} | {"timeout": self.timeouts}
        return {kind: count for kind, count in counted.items() if count}


def run(url: str, *, connections: int, seconds: float, threads: int = 1, headers: list[str] | None = None,
        where: process.Where | None = None) -> Run:
    """Loads `url` for some time, each connection asking again as soon as it is answered (a closed loop)."""
    argv = [process.need("wrk", "wrk"), "--threads", str(threads), "--connections", str(connections),
            "--duration", f"{max(1, round(seconds))}s", "--timeout", "10s", "--script", str(_REPORT)]
    for header in headers or []:
        argv += ["--header", header]
    done = subprocess.run(process.with_parent(process.placed([*argv, url], where)), capture_output=True, text=True, check=False,
                          timeout=seconds + 30)
    marked = [line for line in done.stdout.splitlines() if line.startswith("report ")]
    if done.returncode != 0 or not marked:
        raise process.Failure(f"wrk failed with status {done.returncode}: {done.stdout}{done.stderr}")
    return Run(**json.loads(marked[0].removeprefix("report ")))
