#!/usr/bin/env python3
"""What it costs to look: how long /metrics takes with many backends, and what sessions notice of it.

One Weir with two workers; each backend has had sessions, so that all has been counted that can be. First it is asked for its
metrics while nothing happens. Then new connections come at a fixed rate, in rounds without a scrape, with one every tenth of a
second, a hundred and fifty times as often as usual, and with the same of another Weir that serves nobody: what that costs is the
processor's time alone, and what it costs more at the first one is what they wait for each other.
"""

import argparse
import pathlib
import statistics
import threading
import time
import urllib.request

import targets  # noqa: F401  # has made the next package known
from peers import process, request_load, weir


ROOT = pathlib.Path(__file__).resolve().parent.parent


def many(port: int, count: int) -> list[str]:
    """So many addresses of one backend."""
    return [f"127.{20 + i // 62_500}.{i // 250 % 250}.{i % 250 + 1}:{port}" for i in range(count)]


def scrape(server: weir.Weir) -> tuple[float, int]:
    """Milliseconds from the connect to the last byte, and how many bytes came."""
    begun = time.perf_counter()
    with urllib.request.urlopen(f"http://127.0.0.1:{server.admin_port}/metrics", timeout=30) as answer:
        size = len(answer.read())
    return (time.perf_counter() - begun) * 1_000, size


class Scraping:
    """Every tenth of a second, for as long as the `with` block lasts; nobody for none."""

    def __init__(self, server: weir.Weir | None) -> None:
        self._server = server
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.times: list[float] = []

    def __enter__(self) -> "Scraping":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while self._server is not None and not self._over.wait(0.1):
            self.times.append(scrape(self._server)[0])


def shown(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f}..{max(values):.1f})"


def measure(options: argparse.Namespace) -> None:
    process.raise_descriptors()
    with process.Workspace() as work:
        port = work.free_port("0.0.0.0")
        with request_load.Load(options.load, "answer", ["--answer-at", f"0.0.0.0:{port}"], 3_600) as backend:
            backend.wait_until_it_answers("127.0.0.1", port)
            server, other = (weir.start(work, options.weir, many(port, options.backends), name=name, workers="2",
                                        sessions="none") for name in ("weir", "other"))
            to = ["--to", f"{server.host}:{server.port}", "--connections", "32", "--each"]
            for one in (server, other):
                to_one = ["--to", f"{one.host}:{one.port}", "--connections", "32", "--each"]
                request_load.Load(options.load, "closed", to_one, 2).finish()
            cpu = process.cpu_seconds(server.process.pid)
            alone = [scrape(server) for _ in range(options.scrapes)]
            cpu = (process.cpu_seconds(server.process.pid) - cpu) / options.scrapes * 1_000
            print(f"{options.backends} backends, {alone[0][1]:,} bytes: {shown([took for took, _ in alone])} ms, "
                  f"{cpu:.1f} ms of a processor; {options.scrapes} scrapes")
            rate = ["--rate", str(options.rate), "--warm-up", "0.5"]
            kinds = {"no scrapes": None, "of this one": server, "of the other": other}
            p50: dict[str, list[float]] = {kind: [] for kind in kinds}
            p99: dict[str, list[float]] = {kind: [] for kind in kinds}
            times: list[float] = []
            for _ in range(options.rounds):
                for kind, scraped in kinds.items():
                    load = request_load.Load(options.load, "open", [*to, *rate], 3)
                    with Scraping(scraped) as scraping:
                        run = load.finish()
                    if scraped is server:
                        times += scraping.times
                    if run.errors():
                        raise process.Failure(f"the load had errors: {run.errors()}")
                    p50[kind].append(run.p50_us)
                    p99[kind].append(run.p99_us)
            print(f"{options.rate} connections a second, {options.rounds} rounds of 3 s each; a connection with its request, us:")
            for kind in kinds:
                print(f"  {kind}: p50 {shown(p50[kind])}, p99 {shown(p99[kind])}")
            print(f"  a scrape meanwhile: {shown(times)} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weir", default=str(ROOT / "build/release/weir"))
    parser.add_argument("--load", default=str(ROOT / "build/release/request_load"))
    parser.add_argument("--backends", type=int, default=1_000)
    parser.add_argument("--scrapes", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--rate", type=int, default=2_000)
    options = parser.parse_args()
    options.weir = str(pathlib.Path(options.weir).resolve())
    measure(options)


if __name__ == "__main__":
    main()
