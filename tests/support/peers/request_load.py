"""bench/load: requests over HTTP at a fixed rate or as fast as it goes, and its own account of a run."""

import dataclasses
import json
import pathlib
import subprocess

from . import process


@dataclasses.dataclass
class Run:
    """What one run saw. Times in microseconds but for those called seconds. `histogram` has pairs of microseconds
    (the upper end of a part) and a count."""

    requests: int
    bytes: int
    seconds: float
    cpu_seconds: float
    connect_errors: int
    read_errors: int
    status_errors: int
    timeouts: int
    unanswered: int
    p50_us: float
    p99_us: float
    p999_us: float
    max_us: float
    histogram: list[tuple[float, int]]

    def errors(self) -> dict[str, int]:
        """The errors that occurred, by kind; empty when there were none."""
        kinds = ("connect_errors", "read_errors", "status_errors", "timeouts", "unanswered")
        return {kind: getattr(self, kind) for kind in kinds if getattr(self, kind)}


def run(binary: str, load: str, target: str, *, connections: int, seconds: float, options: list[str] | None = None,
        where: process.Where | None = None) -> Run:
    """`load` is "closed", "open" or "idle"; request_load --help says what they and their options mean."""
    path = pathlib.Path(binary).resolve()
    if not path.is_file():
        raise process.Failure(f"{binary} is not there: build the target request_load first")
    argv = [str(path), load, "--to", target, "--connections", str(connections), "--seconds", str(seconds),
            *(options or [])]
    done = subprocess.run(process.with_parent(process.placed(argv, where)), capture_output=True, text=True,
                          check=False, timeout=2 * seconds + 60)
    if done.returncode != 0:
        raise process.Failure(f"request_load failed with status {done.returncode}: {done.stderr}")
    return Run(**json.loads(done.stdout))
