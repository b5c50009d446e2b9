#!/usr/bin/env python3
"""Measures the limits of Weir, HAProxy and nginx, in turn. bench/limits/README.md says what the columns mean."""

import argparse
import dataclasses
import json
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[1:1] = [str(ROOT / "bench"), str(ROOT / "tests" / "support")]

import proxies  # noqa: E402
import load  # noqa: E402
import machine  # noqa: E402
import scenario  # noqa: E402
from concurrency import Concurrency  # noqa: E402
from peers import process  # noqa: E402
from rate import Rate  # noqa: E402
from refusals import ClientRate, Connections, Denied  # noqa: E402

BACKEND = "127.0.0.2"
CLIENTS = 16
EXAMPLES = """\
examples:
  bench/limits.sh                              everything, 5 rounds; about 20 minutes
  bench/limits.sh --quick                      1 short round: whether it works, no figures to trust
  bench/limits.sh --rounds 9 refused-connections
"""


def scenarios(sizes: scenario.Sizes, generator: load.Generator) -> dict[str, scenario.Scenario]:
    every = [Rate(sizes, generator), Concurrency(sizes, generator)]
    every += [kind(sizes, generator, steady=steady) for kind in (Connections, ClientRate, Denied)
              for steady in (False, True)]
    return {one.name: one for one in every}


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/limits.sh", description=__doc__, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    known = scenarios(scenario.Sizes(), load.Generator("", CLIENTS))
    parser.add_argument("scenario", nargs="*", help=f"which of {', '.join(known)}. Default: all")
    parser.add_argument("--rounds", type=int, help="visits to each target (default 5)")
    parser.add_argument("--quick", action="store_true", help="1 short round")
    parser.add_argument("--weir", default=str(ROOT / "build/release/weir"), help="the binary to measure")
    parser.add_argument("--load", help="the load generator (default connection_load beside the binary)")
    parser.add_argument("--output", type=pathlib.Path, help="the result's file (default build/bench/limits-TIME.json)")
    given = parser.parse_args()
    for word in given.scenario:
        if word not in known:
            parser.error(f'no scenario is called "{word}": {", ".join(known)}')
    if given.rounds is not None and not 1 <= given.rounds <= 1000:
        parser.error("--rounds is 1 to 1000")
    given.load = given.load or str(pathlib.Path(given.weir).resolve().with_name("connection_load"))
    given.scenario = given.scenario or list(known)
    given.sizes = scenario.QUICK if given.quick else scenario.Sizes()
    if given.rounds:
        given.sizes = dataclasses.replace(given.sizes, rounds=given.rounds)
    return given


def progress(text: str) -> None:
    """A line that is overwritten by the next; nothing without a terminal."""
    if sys.stderr.isatty():
        print(f"\r{text:<78}", end="\r", file=sys.stderr, flush=True)


def take_samples(one: scenario.Scenario, given: argparse.Namespace) -> tuple[list[str], list[scenario.Sample]]:
    samples: list[scenario.Sample] = []
    with process.Workspace() as work:
        backend, _ = load.start_server(work, given.load, "serve", BACKEND)
        place = proxies.Place(work, given.weir, given.load, backend)
        targets = one.start(place)
        for number in range(1, one.sizes.rounds + 1):
            for target in targets:
                progress(f"{one.name}: round {number} of {one.sizes.rounds}, {target.name}")
                samples.append(one.take(target, number))
    progress("")
    return [target.name for target in targets], samples


def report(one: scenario.Scenario, names: list[str], samples: list[scenario.Sample]) -> dict[str, object]:
    medians = {name: one.summarise(samples, name) for name in names}
    print(one.table(medians), flush=True)
    for note in one.notes:
        print(f"  {note}")
    for sample in samples:
        if sample.errors:
            print(f"  INVALID: round {sample.round}, {sample.target}: {sample.errors}", flush=True)
    return {"about": one.about, "notes": one.notes, "medians": medians,
            "samples": [dataclasses.asdict(sample) for sample in samples]}


def main() -> int:
    given = read_arguments()
    if not pathlib.Path(given.load).is_file():
        raise process.Failure(f"{given.load} is not there: build it first")
    process.need("haproxy", "haproxy")
    process.need("nginx", "nginx")
    started = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    output: pathlib.Path = given.output or ROOT / "build" / "bench" / f"limits-{started}.json"
    box = machine.describe(given.weir)
    print(f"{box['cpu']}, {box['cores']} cores, Linux {box['kernel']}, load {box['load_before']:.2f}; {box['versions']}")
    print(f"rounds: {given.sizes.rounds}\n", flush=True)
    known = scenarios(given.sizes, load.Generator(given.load, CLIENTS))
    results: dict[str, object] = {}
    invalid = 0
    for name in given.scenario:
        names, samples = take_samples(known[name], given)
        results[name] = report(known[name], names, samples)
        invalid += sum(bool(sample.errors) for sample in samples)
    output.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": box, "sizes": dataclasses.asdict(given.sizes), "scenarios": results}
    output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"raw samples: {output}")
    return 1 if invalid else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except process.Failure as failure:
        sys.exit(f"bench: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
