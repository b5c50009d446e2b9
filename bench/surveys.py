#!/usr/bin/env python3
"""What sessions notice of questions at the admin door that walk over all of them.

Two Weirs, each with two workers and thousands of idle sessions. Requests over connections that stay, and new connections, come
to the first one at fixed rates, in rounds without a question, with several clients that ask it for its sessions as fast as they
are answered, and with the same of the other one: what that costs is the processor's time alone, and what it costs more at the
first one is what sessions wait for a worker that walks. Then the same with questions for single sessions, those that stand first
and last in a worker's list.
"""

import argparse
import dataclasses
import http.client
import json
import pathlib
import statistics
import threading
from collections.abc import Sequence

import targets  # noqa: F401  # has made the next package known
from peers import process, request_load, weir

ROOT = pathlib.Path(__file__).resolve().parent.parent
SECONDS = 3
# All sessions are looked at for each: for none that is found, and for the thousand with the most bytes.
QUESTIONS = ("/v1/sessions?client=192.0.2.0/24", "/v1/sessions?sort=bytes&limit=1000")


@dataclasses.dataclass
class Asking:
    """What is asked of a Weir in some of the rounds."""

    server: weir.Weir
    questions: Sequence[str]


class Flood:
    """Clients that ask, one question after the other, for as long as the `with` block lasts; none who ask for nothing."""

    def __init__(self, asking: Asking | None, clients: int) -> None:
        self._asking = asking
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(i,)) for i in range(clients if asking else 0)]
        self.answers = {200: 0, 503: 0}

    def __enter__(self) -> "Flood":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        assert self._asking
        questions = self._asking.questions
        door = http.client.HTTPConnection("127.0.0.1", self._asking.server.admin_port, timeout=30)
        while not self._over.is_set():
            door.request("GET", questions[number % len(questions)])
            answer = door.getresponse()
            answer.read()
            self.answers[answer.status] += 1
        door.close()


def single_sessions(server: weir.Weir) -> list[str]:
    """Questions for the oldest and the newest session of each worker."""
    ids: dict[int, list[str]] = {}
    after = "0"
    door = http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=30)
    while after:
        door.request("GET", f"/v1/sessions?limit=1000&after={after}")
        page = json.loads(door.getresponse().read())
        for one in page["sessions"]:
            ids.setdefault(one["worker"], []).append(one["id"])
        after = page["next"]
    door.close()
    return [f"/v1/sessions/{one}" for of_worker in ids.values() for one in (of_worker[0], of_worker[-1])]


def shown(values: list[float]) -> str:
    return f"{statistics.median(values):,.0f} ({min(values):,.0f}..{max(values):,.0f})"


def loads(options: argparse.Namespace, server: weir.Weir) -> dict[str, request_load.Load]:
    to = ["--to", f"{server.host}:{server.port}", "--connections", "32", "--warm-up", "0.5"]
    return {f"a request, of {options.requests} a second": request_load.Load(
                options.load, "open", [*to, "--rate", str(options.requests)], SECONDS),
            f"a connection with its request, of {options.rate} a second": request_load.Load(
                options.load, "open", [*to, "--rate", str(options.rate), "--each"], SECONDS)}


def measure(options: argparse.Namespace) -> None:
    process.raise_descriptors()
    with process.Workspace() as work:
        port = work.free_port("0.0.0.0")
        idle = ["--connections", str(options.sessions), "--addresses", "8"]
        with request_load.Load(options.load, "answer", ["--answer-at", f"0.0.0.0:{port}"], 3_600) as backend:
            backend.wait_until_it_answers("127.0.0.1", port)
            # So many addresses of the one backend that it is quick to find a free port towards each.
            backends = [f"127.0.0.{i + 2}:{port}" for i in range(16)]
            server, other = (weir.start(work, options.weir, backends, name=name, workers="2", sessions="none")
                             for name in ("weir", "other"))
            with request_load.Load(options.load, "idle", [*idle, "--to", f"{server.host}:{server.port}"], 3_600) as here, \
                    request_load.Load(options.load, "idle", [*idle, "--to", f"{other.host}:{other.port}"], 3_600) as there:
                for one in (here, there):
                    one.wait_for("begins")
                rounds(options, {"no question": None,
                                 "for sessions of this one": Asking(server, QUESTIONS),
                                 "for sessions of the other": Asking(other, QUESTIONS),
                                 "for one session of this one": Asking(server, single_sessions(server)),
                                 "for one session of the other": Asking(other, single_sessions(other))}, server)


def rounds(options: argparse.Namespace, kinds: dict[str, Asking | None], server: weir.Weir) -> None:
    p50: dict[str, dict[str, list[float]]] = {}
    p99: dict[str, dict[str, list[float]]] = {}
    answers: dict[str, list[float]] = {kind: [] for kind in kinds}
    late = dict.fromkeys(kinds, 0)
    refused = 0
    for _ in range(options.rounds):
        for kind, asked in kinds.items():
            running = loads(options, server)
            with Flood(asked, options.askers) as flood:
                runs = {what: load.finish() for what, load in running.items()}
            answers[kind].append(flood.answers[200] / SECONDS)
            refused += flood.answers[503]
            for what, run in runs.items():
                late[kind] += run.unanswered
                if set(run.errors()) - {"unanswered"}:
                    raise process.Failure(f"the load had errors: {run.errors()}")
                p50.setdefault(what, {}).setdefault(kind, []).append(run.p50_us)
                p99.setdefault(what, {}).setdefault(kind, []).append(run.p99_us)
    print(f"{options.sessions} sessions stand at each; {options.askers} ask; {options.rounds} rounds of {SECONDS} s each; us:")
    for what, values in p50.items():
        print(f"{what}:")
        for kind in kinds:
            print(f"  {kind}: p50 {shown(values[kind])}, p99 {shown(p99[what][kind])}")
    for kind in kinds:
        print(f"{kind}: {shown(answers[kind])} answers a second; {late[kind]} that were due were not begun or answered in time")
    print(f"{refused} questions were told to come again")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weir", default=str(ROOT / "build/release/weir"))
    parser.add_argument("--load", default=str(ROOT / "build/release/request_load"))
    parser.add_argument("--sessions", type=int, default=8_000)
    parser.add_argument("--askers", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--requests", type=int, default=2_000)
    parser.add_argument("--rate", type=int, default=500)
    options = parser.parse_args()
    options.weir = str(pathlib.Path(options.weir).resolve())
    measure(options)


if __name__ == "__main__":
    main()
