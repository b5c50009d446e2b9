"""bench/load: requests over HTTP at a fixed rate or as fast as it goes, and its own account of a run."""

import dataclasses
import json
import pathlib
import subprocess
from collections.abc import Sequence

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


class Load:
    """A load that runs, for as long as it was told or the `with` block lasts.

    `load` and `arguments` are those of request_load; its --help says what they mean.
    """

    def __init__(self, binary: str, load: str, arguments: Sequence[str], seconds: float,
                 where: process.Where | None = None) -> None:
        path = pathlib.Path(binary).resolve()
        if not path.is_file():
            raise process.Failure(f"{binary} is not there: build the target request_load first")
        argv = [str(path), load, "--seconds", str(seconds), *arguments]
        self._patience = 2 * seconds + 60
        self._process = subprocess.Popen(process.with_parent(process.placed(argv, where)), stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE, text=True)

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def wait_until_it_answers(self, host: str, port: int) -> None:
        """In the load "answer"."""
        def ready() -> bool:
            if self._process.poll() is not None:
                self.finish()
            return process.answers(host, port)
        process.wait_until(ready, f"the backend on {host}:{port}")

    def wait_for(self, word: str) -> None:
        """For its next line on stderr: "begins" before what is counted happens, "over" after it."""
        assert self._process.stderr
        line = self._process.stderr.readline()
        if line.strip() != word:
            raise process.Failure(f'request_load did not say "{word}": {line}{self._process.stderr.read()}')

    def finish(self) -> Run:
        """Waits for the end."""
        output, errors = self._process.communicate(timeout=self._patience)
        if self._process.returncode != 0:
            raise process.Failure(f"request_load failed with status {self._process.returncode}: {errors}")
        return Run(**json.loads(output))
