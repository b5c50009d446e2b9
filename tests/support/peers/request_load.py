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


class Idle:
    """Connections that ask once and then stand, as long as the `with` block or `seconds` last."""

    def __init__(self, binary: str, target: str, *, connections: int, seconds: float, options: list[str] | None = None,
                 where: process.Where | None = None) -> None:
        argv = _command(binary, "idle", target, connections, seconds, options)
        self._patience = seconds + 60
        self._process = subprocess.Popen(process.with_parent(process.placed(argv, where)), stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE, text=True)

    def __enter__(self) -> "Idle":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def wait_until_they_stand(self) -> None:
        """Each has been answered, or has failed."""
        line = self._process.stderr.readline() if self._process.stderr else ""
        if "stand" not in line:
            raise process.Failure(f"request_load failed: {line}")

    def finish(self) -> Run:
        """Waits for the end."""
        output, _ = self._process.communicate(timeout=self._patience)
        return Run(**json.loads(output))


def _command(binary: str, load: str, target: str, connections: int, seconds: float, options: list[str] | None) -> list[str]:
    path = pathlib.Path(binary).resolve()
    if not path.is_file():
        raise process.Failure(f"{binary} is not there: build the target request_load first")
    return [str(path), load, "--to", target, "--connections", str(connections), "--seconds", str(seconds),
            *(options or [])]


def run(binary: str, load: str, target: str, *, connections: int, seconds: float, options: list[str] | None = None,
        where: process.Where | None = None) -> Run:
    """`load` is "closed", "open" or "idle"; request_load --help says what they and their options mean."""
    argv = _command(binary, load, target, connections, seconds, options)
    done = subprocess.run(process.with_parent(process.placed(argv, where)), capture_output=True, text=True,
                          check=False, timeout=2 * seconds + 60)
    if done.returncode != 0:
        raise process.Failure(f"request_load failed with status {done.returncode}: {done.stderr}")
    return Run(**json.loads(done.stdout))
