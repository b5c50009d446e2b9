"""bench/load: requests over HTTP at a fixed rate or as fast as it goes, and its own account of a run."""

import dataclasses
import json
import os
import pathlib
import select
import subprocess
import time
from collections.abc import Sequence

from . import process


@dataclasses.dataclass
class Run:
    """What one run saw. Times in microseconds but for those called seconds."""

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
        self._name = f"request_load {load}"
        self._said = b""  # on stderr, as far as it has been read
        self._unheard = b""  # the part of it that nobody has waited for yet
        self._process = subprocess.Popen(process.with_parent(process.placed(argv, where)), stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE)

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
        """For its next line on stderr: "begins" before what is counted happens, "over" when its time is up."""
        assert self._process.stderr
        latest = time.monotonic() + self._patience
        while b"\n" not in self._unheard:
            if not select.select([self._process.stderr], [], [], max(0.0, latest - time.monotonic()))[0]:
                raise self._failure(f'did not say "{word}" within {self._patience:.0f} s')
            piece = os.read(self._process.stderr.fileno(), 4096)
            if not piece:
                raise self._failure(f'ended without saying "{word}"')
            self._said += piece
            self._unheard += piece
        line, _, self._unheard = self._unheard.partition(b"\n")
        if line.decode() != word:
            raise self._failure(f'did not say "{word}"')

    def finish(self) -> Run:
        """Waits for the end."""
        try:
            output, said = self._process.communicate(timeout=self._patience)
        except subprocess.TimeoutExpired as expired:
            self._said += expired.stderr or b""
            raise self._failure(f"did not end within {self._patience:.0f} s") from None
        self._said += said
        if self._process.returncode != 0:
            raise self._failure(f"failed with status {self._process.returncode}")
        return Run(**json.loads(output))

    def _failure(self, what: str) -> process.Failure:
        last = self._said.decode(errors="replace").splitlines()[-5:]
        return process.Failure("\n  ".join([f"{self._name} {what}; its last lines on stderr:", *(last or ["(none)"])]))
