#!/usr/bin/env python3
"""Measures Weir against other proxies and against no proxy, in turn. bench/README.md says what the columns mean."""

import argparse
import dataclasses
import json
import pathlib
import sys
import time

import machine
import measure
import summary

from peers import process  # measure.py has made this package known

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGETS = ["direct", "nginx", "haproxy", "weir"]
EXAMPLES = """\
examples:
  bench/run.sh                           every scenario, 5 rounds of 3 s a target
  bench/run.sh --quick keepalive         one scenario, 2 rounds of 1 s: whether it works, no figures to trust
  bench/run.sh --rounds 15 connections   more rounds where the machine is noisy
  bench/run.sh --other /tmp/weir.before  what a change does: two builds of Weir in one run
"""


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/run.sh", description=__doc__, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    about = "; ".join(f"{one.name}: {one.about}" for one in measure.SCENARIOS.values())
    parser.add_argument("scenario", nargs="*", help=f"{about}. Default: all")
    parser.add_argument("--rounds", type=int, default=5, help="visits to each target (default 5)")
    parser.add_argument("--seconds", type=int, default=3, help="length of a visit, whole seconds (default 3)")
    parser.add_argument("--targets", default=",".join(TARGETS),
                        help=f"which, separated by commas, in the order of their turns (default {','.join(TARGETS)})")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 1 s")
    parser.add_argument("--weir", default=str(ROOT / "build/release/weir"), help="the binary to measure")
    parser.add_argument("--other", help='another build of Weir, measured beside it as the target "other"')
    parser.add_argument("--output", type=pathlib.Path, help="the result's file (default build/bench/TIME.json)")
    given = parser.parse_args()
    if given.quick:
        given.rounds, given.seconds = 2, 1
    given.targets = given.targets.split(",") + (["other"] if given.other else [])
    given.scenario = given.scenario or list(measure.SCENARIOS)
    for kind, words, known in (("target", given.targets, [*TARGETS, "other"]), ("scenario", given.scenario, measure.SCENARIOS)):
        for word in words:
            if word not in known:
                parser.error(f'no {kind} is called "{word}": {", ".join(known)}')
    if not (1 <= given.rounds <= 1000 and 1 <= given.seconds <= 600):
        parser.error("--rounds is 1 to 1000, --seconds 1 to 600")
    return given


def progress(text: str) -> None:
    """A line that is overwritten by the next; nothing without a terminal."""
    if sys.stderr.isatty():
        print(f"\r{text:<78}", end="\r", file=sys.stderr, flush=True)


def run_scenario(scenario: measure.Scenario, targets: list[measure.Target], rounds: int,
                 seconds: int) -> list[measure.Sample]:
    for target in targets:
        progress(f"{scenario.name}: {target.name} warms up")
        measure.take_sample(target, scenario, 0, 1)
    samples: list[measure.Sample] = []
    for number in range(1, rounds + 1):
        for target in targets:
            progress(f"{scenario.name}: round {number} of {rounds}, {target.name}")
            samples.append(measure.take_sample(target, scenario, number, seconds))
    progress("")
    return samples


def report(scenario: measure.Scenario, samples: list[measure.Sample], targets: list[str]) -> dict[str, object]:
    medians = summary.summarise(samples, targets)
    print(summary.table(scenario, medians), flush=True)
    for sample in samples:
        if sample.errors:
            print(f"  invalid: round {sample.round}, {sample.target}: {sample.errors}", flush=True)
    return {"about": scenario.about, "unit": "GB" if scenario.per_byte else "requests", "medians": medians,
            "samples": [dataclasses.asdict(sample) for sample in samples]}


def main() -> int:
    given = read_arguments()
    started = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    output: pathlib.Path = given.output or ROOT / "build" / "bench" / f"{started}.json"
    box = machine.describe(given.weir)
    print(f"{box['cpu']}, {box['cores']} cores, Linux {box['kernel']}, load {box['load_before']:.2f}; {box['versions']}")
    print(f"{given.rounds} rounds of {given.seconds} s a target, in turn: {', '.join(given.targets)}\n", flush=True)
    results: dict[str, object] = {}
    invalid = 0
    with process.Workspace() as work:
        backends = measure.start_backends(work)
        targets = [measure.start_target(work, name, backends, given.other if name == "other" else given.weir)
                   for name in given.targets]
        for name in given.scenario:
            scenario = measure.SCENARIOS[name]
            samples = run_scenario(scenario, targets, given.rounds, given.seconds)
            results[name] = report(scenario, samples, given.targets)
            invalid += sum(bool(sample.errors) for sample in samples)
    output.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": box, "rounds": given.rounds, "seconds": given.seconds, "scenarios": results}
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
