#!/usr/bin/env python3
"""Measures Weir against other proxies and against no proxy, in turn. bench/README.md says what the columns mean."""

import argparse
import contextlib
import dataclasses
import itertools
import pathlib
import sys
import time
from collections.abc import Callable, Iterator

import fresh
import machine
import measure
import network
import results as result_file
import scenarios
import summary
import targets
import tls
from peers import process  # targets.py has made this package known

ROOT = pathlib.Path(__file__).resolve().parent.parent
USUAL = ["direct", "floor", "nginx", "haproxy", "haproxy-splice", "weir"]
EXAMPLES = """\
examples:
  bench/run.sh                               every scenario, 5 rounds of 3 s a target, one worker each
  bench/run.sh --workers 2 keepalive         two workers each
  bench/run.sh --quick keepalive             one scenario, 2 rounds of 1 s: whether it works, no figures to trust
  bench/run.sh --rounds 15 connections       more rounds where the machine is noisy
  bench/run.sh --namespaces                  clients, proxies and backends on hosts of their own (as root)
  bench/run.sh --other /tmp/weir.before      what a change does: two builds of Weir in one run
  bench/run.sh --wrk keepalive connections   with wrk as the load, to check the bench's own by
"""


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/run.sh", description=__doc__, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    every = {**scenarios.ALL, **fresh.ALL}
    about = "; ".join(f"{one.name}: {one.about}" for one in every.values())
    parser.add_argument("scenario", nargs="*", help=f"{about}. Default: all")
    parser.add_argument("--rounds", type=int, default=5, help="visits to each target (default 5)")
    parser.add_argument("--seconds", type=int, default=3, help="length of a visit, whole seconds (default 3)")
    parser.add_argument("--workers", type=int, default=1, help="of each proxy (default 1)")
    known = "; ".join(f"{name}: {text}" for name, text in targets.ABOUT.items())
    parser.add_argument("--targets", default=",".join(USUAL),
                        help=f"which, separated by commas, in the order of their turns (default {','.join(USUAL)}). {known}")
    parser.add_argument("--namespaces", action="store_true", help="across network namespaces instead of loopback")
    parser.add_argument("--wrk", action="store_true", help="the load is wrk, in the scenarios that it can do")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 1 s")
    parser.add_argument("--weir", default=str(ROOT / "build/release/weir"),
                        help="the binary to measure; floor and request_load are taken from beside it")
    parser.add_argument("--other", help='another build of Weir, measured beside it as the target "other"')
    parser.add_argument("--output", type=pathlib.Path, help="the result's file (default build/bench/TIME.json)")
    given = parser.parse_args()
    if given.quick:
        given.rounds, given.seconds = 2, 1
    given.targets = given.targets.split(",")
    if given.other and "other" not in given.targets:
        given.targets.append("other")
    possible = [name for name, one in every.items()
                if not (given.namespaces and name in fresh.ALL) and (not given.wrk or name in scenarios.ALL and one.is_for_wrk)]
    given.scenario = given.scenario or possible
    for kind, words, names in (("target", given.targets, targets.ABOUT), ("scenario", given.scenario, every)):
        for word in words:
            if word not in names:
                parser.error(f'no {kind} is called "{word}": {", ".join(names)}')
    if not (1 <= given.rounds <= 1000 and 1 <= given.seconds <= 600 and 1 <= given.workers <= 64):
        parser.error("--rounds is 1 to 1000, --seconds 1 to 600, --workers 1 to 64")
    if any(name not in possible for name in given.scenario):
        parser.error(f"with {'--namespaces' if given.namespaces else '--wrk'} there are only: {', '.join(possible)}")
    if "other" in given.targets and not given.other:
        parser.error('the target "other" is another build of Weir: --other says which')
    for name in given.scenario:
        if not (any(fresh.can(target, fresh.ALL[name]) for target in given.targets) if name in fresh.ALL else
                possible_targets(given.targets, scenarios.ALL[name])):
            parser.error(f"{name} makes no sense of any of {', '.join(given.targets)}")
    return given


def progress(text: str) -> None:
    """A line that is overwritten by the next; nothing without a terminal."""
    if sys.stderr.isatty():
        print(f"\r{text:<78}", end="\r", file=sys.stderr, flush=True)


@dataclasses.dataclass(frozen=True)
class Run:
    """Rounds over the targets, for one scenario after the other. From each to the next proxies and load change places."""

    targets: list[targets.Target]
    load: measure.Load
    rounds: int
    work: process.Workspace  # of the targets
    place: network.Network

    def measure(self, scenario: scenarios.Scenario) -> tuple[list[measure.Sample], float | None]:
        """Its samples, and the rate where it is a share of another."""
        load, closed = self.load, dataclasses.replace(scenario, share=None)
        brief = dataclasses.replace(load, seconds=1)
        for target in self.targets:
            progress(f"{scenario.name}: {target.name} warms up")
            measure.take_sample(target, closed, 0, brief)
        if scenario.share is not None:
            load = dataclasses.replace(load, per_second=scenario.share * self._slowest_rate(closed))
        samples: list[measure.Sample] = []
        places = itertools.cycle((self.place, self.place.exchanged()))
        for number, place in zip(range(1, self.rounds + 1), places):
            for target in self.targets:
                progress(f"{scenario.name}: round {number} of {self.rounds}, {target.name}")
                samples.append(measure.take_sample(target, scenario, number, dataclasses.replace(load, where=place.clients_at)))
            self._exchange_cores()
        if self.rounds % 2 == 1:
            self._exchange_cores()
        progress("")
        return samples, load.per_second

    def _exchange_cores(self) -> None:
        if self.place.exchanged() != self.place:
            self.work.exchange_cores(self.place.proxies_at.cores, self.place.clients_at.cores)

    def _slowest_rate(self, closed: scenarios.Scenario) -> float:
        """Of the peers, if there are any."""
        rates = []
        for target in [one for one in self.targets if one.name in summary.PEERS] or self.targets:
            progress(f"{closed.name}: how much {target.name} can do")
            sample = measure.take_sample(target, closed, 0, self.load)
            if sample.errors:
                raise process.Failure(f"how much {target.name} can do is not known: {sample.errors}")
            rates.append(sample.rate)
        return min(rates)


def tell_invalid(samples: list[measure.Sample] | list[fresh.Sample]) -> int:
    """How many, each with a line."""
    invalid = [sample for sample in samples if sample.errors]
    for sample in invalid:
        print(f"  invalid: round {sample.round}, {sample.target}: {sample.errors}", flush=True)
    return len(invalid)


def run_fresh(scenario: fresh.Scenario, given: argparse.Namespace, place: network.Network, binaries: dict[str, str],
              load: measure.Load) -> list[fresh.Sample]:
    """Each sample with a process of its own; proxies and load change places from round to round too."""
    names = [name for name in given.targets if fresh.can(name, scenario)]
    samples: list[fresh.Sample] = []
    places = itertools.cycle((place, place.exchanged()))
    for number, now in zip(range(1, given.rounds + 1), places):
        setting = targets.Setting(now.front, [], given.workers, now.proxies_at, binaries)
        load = dataclasses.replace(load, where=now.clients_at)
        with fresh.Backends(load) as backends:
            for name in names:
                progress(f"{scenario.name}: round {number} of {given.rounds}, {name}")
                samples.append(fresh.take_sample(name, number, scenario, setting, load, backends))
    progress("")
    return samples


def possible_targets(names: list[str], scenario: scenarios.Scenario) -> list[str]:
    """Those that can do what it does with TLS."""
    return [name for name in names if not scenario.way or name in tls.WAYS[scenario.way]]


def run_usual(names: list[str], given: argparse.Namespace, place: network.Network, binaries: dict[str, str],
              load: measure.Load) -> Iterator[tuple[str, list[measure.Sample], float | None]]:
    """Scenarios with one backend, that of tiny requests or the one with files, and one way with TLS. Each target serves all
    of them."""
    first = scenarios.ALL[names[0]]
    with process.Workspace() as work, contextlib.ExitStack() as responding:
        if first.is_tiny:
            responder = measure.Responder(place.backends, work.free_port(*place.backends), place.backends_at.namespace)
            backends = [f"{host}:{responder.port}" for host in place.backends]
            responding.enter_context(responder.is_there(load))
            load = dataclasses.replace(load, answers=() if given.wrk else responder.arguments)
        else:
            backends = measure.start_file_server(work, place.backends, place.backends_at)
        setting = targets.Setting(place.front, backends, given.workers, place.proxies_at, binaries, way=first.way)
        run = Run([targets.start(work, name, setting) for name in possible_targets(given.targets, first)], load, given.rounds, work, place)
        for target in run.targets:
            measure.reach(target, load, first.tls)
        if not given.wrk:
            responding.close()
        for name in names:
            yield name, *run.measure(scenarios.ALL[name])


def run_all(given: argparse.Namespace, place: network.Network, keep: Callable[[str, dict[str, object]], None]) -> int:
    """Hands over what each scenario gave as soon as it is there; returns how many runs were invalid."""
    binaries = {"weir": given.weir, "other": given.other, "floor": beside(given.weir, "floor")}
    load = measure.Load(beside(given.weir, "request_load"), place.clients_at, place.clients, given.seconds, by_wrk=given.wrk)
    invalid = 0
    usual = [name for name in given.scenario if name in scenarios.ALL]
    for _, alike in itertools.groupby(usual, key=lambda name: (scenarios.ALL[name].is_tiny, scenarios.ALL[name].way)):
        for name, samples, per_second in run_usual(list(alike), given, place, binaries, load):
            names = possible_targets(given.targets, scenarios.ALL[name])
            made = result_file.usual(samples, scenarios.ALL[name], names, per_second)
            keep(name, made)
            print(summary.table(scenarios.ALL[name], made["medians"]), flush=True)
            invalid += tell_invalid(samples)
    for name in given.scenario:
        if name in fresh.ALL:
            samples = run_fresh(fresh.ALL[name], given, place, binaries, load)
            names = list(dict.fromkeys(sample.target for sample in samples))
            made = result_file.of_fresh(samples, fresh.ALL[name], names)
            keep(name, made)
            print(fresh.table(fresh.ALL[name], made["medians"]))
            print("".join(f"  {note}\n" for note in summary.notes(made["medians"])), end="", flush=True)
            invalid += tell_invalid(samples)
    return invalid


def beside(weir: str, name: str) -> str:
    """Another binary of the same build."""
    return str(pathlib.Path(weir).resolve().with_name(name))


def main() -> int:
    given = read_arguments()
    started = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    output: pathlib.Path = given.output or ROOT / "build" / "bench" / f"{started}.json"
    process.raise_descriptors()
    box = machine.describe(given.weir)
    print(f"{box['cpu']}, {box['cores']} cores, Linux {box['kernel']}, load {box['load_before']:.2f}; {box['versions']}")
    print(f"{given.rounds} rounds of {given.seconds} s a target, {given.workers} worker(s) each, in turn: "
          f"{', '.join(given.targets)}\n", flush=True)
    make = network.Namespaces(given.workers) if given.namespaces else contextlib.nullcontext(network.loopback(given.workers))
    with make as place:
        document: dict[str, object] = {
            "machine": box, "command": sys.argv[1:],
            "binaries": machine.digests({"weir": given.weir, "other": given.other, "floor": beside(given.weir, "floor"),
                                         "request_load": beside(given.weir, "request_load")}),
            "rounds": given.rounds, "seconds": given.seconds, "workers": given.workers,
            "network": "namespaces" if given.namespaces else "loopback", "pinned": bool(place.proxies_at.cores),
            "load": "wrk" if given.wrk else "request_load", "scenarios": {}}

        def keep(name: str, made: dict[str, object]) -> None:
            # Anew after each scenario: what ends the run early loses nothing of those before.
            document["scenarios"] |= {name: made}
            result_file.write(output, document)

        invalid = run_all(given, place, keep)
    print(f"raw samples: {output}")
    return 1 if invalid else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except process.Failure as failure:
        sys.exit(f"bench: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
