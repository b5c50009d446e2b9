#!/usr/bin/env python3
"""Sets two results of bench/run.sh side by side, and says what lies beyond their noise.

usage: bench/compare.py BEFORE.json AFTER.json [NAME ...]
  With names of targets or scenarios, only these.

Absolute figures of two runs differ with the machine's mood. So rates and p99 are first divided by that of the same round's
run without a proxy (target "direct"), and are then called "to direct"; where there is none, and all the others (processor
time, starts, memory), are compared as they are. A difference is called one when every run of one result lies on the same
side of every run of the other, and each has five at least: of two times five runs that are alike this happens once in 126
times, so that among a hundred comparisons one is expected to be called a difference by chance.
"""

import sys
from statistics import median
from types import SimpleNamespace

import results
from figures import align, by_round

# What is compared, whether more is better, and whether it is divided by the run without a proxy.
FIELDS = {"rate": (True, True), "cost": (False, False), "p99_us": (False, True), "start": (False, False),
          "memory": (False, False), "each": (False, False), "idle_cpu": (False, False)}
BASE = "direct"
LEAST_RUNS = 5
# Of the machine, and of how it was measured: figures say something only where these are equal.
SAME_MACHINE = ("cpu", "kernel", "cores")
SAME_SETTING = ("workers", "network", "pinned", "load")


def values(samples: list[dict], target: str, field: str, relative: bool) -> list[float]:
    """Of the valid runs, round by round; relative to `BASE` in the same round."""
    runs = [SimpleNamespace(**one) for one in samples if field in one]
    own = by_round(runs, target, field)
    if not relative:
        return list(own.values())
    base = by_round(runs, BASE, field)
    return [value / base[number] for number, value in own.items() if base.get(number)]


def verdict(before: list[float], after: list[float], more_is_better: bool) -> str:
    if min(len(before), len(after)) < LEAST_RUNS:
        return "too few runs to tell"
    if min(after) > max(before):
        return "better" if more_is_better else "WORSE"
    if max(after) < min(before):
        return "WORSE" if more_is_better else "better"
    return "within the noise"


def rows_of(name: str, before: dict, after: dict, wanted: set[str]) -> list[list[str]]:
    """A scenario's; of the targets that are `wanted`, or of all."""
    rows = []
    both = [target for target in before["medians"] if target in after["medians"] and target != BASE]
    relative_can_be = BASE in before["medians"] and BASE in after["medians"]
    for target in both:
        if wanted and target not in wanted:
            continue
        for field, (more_is_better, relative) in FIELDS.items():
            pair = [values(one["samples"], target, field, relative and relative_can_be) for one in (before, after)]
            if not all(pair):
                continue
            old, new = median(pair[0]), median(pair[1])
            what = field + (" to direct" if relative and relative_can_be else "")
            rows.append([name, target, what, f"{old:.3g}", f"{new:.3g}", f"{new / old - 1:+.1%}" if old else "-",
                         verdict(*pair, more_is_better)])
    return rows


def differences(before: dict, after: dict) -> list[str]:
    """What makes two results hard to compare, a line each."""
    machines = before["machine"], after["machine"]
    lines = [f"not the same machine: {key} was {machines[0].get(key)}, is {machines[1].get(key)}"
             for key in SAME_MACHINE if machines[0].get(key) != machines[1].get(key)]
    return lines + [f"not the same setting: {key} was {before.get(key)}, is {after.get(key)}"
                    for key in SAME_SETTING if before.get(key) != after.get(key)]


def targets_of(result: dict) -> set[str]:
    return {target for scenario in result["scenarios"].values() for target in scenario["medians"]}


def unknown(before: dict, after: dict, names: list[str]) -> list[str]:
    """A line for each name that a result does not have."""
    return [f'the result {which} has no target or scenario "{name}": {", ".join([*sorted(targets_of(one)), *one["scenarios"]])}'
            for name in names for which, one in (("before", before), ("after", after))
            if name not in one["scenarios"] and name not in targets_of(one)]


def compare(before: dict, after: dict, names: list[str]) -> list[list[str]]:
    """The rows of the table, without its head."""
    wanted = {name for name in names if name in before["scenarios"]}
    return [row for name in before["scenarios"] if name in after["scenarios"] and (not wanted or name in wanted)
            for row in rows_of(name, before["scenarios"][name], after["scenarios"][name], set(names) - wanted)]


def main() -> int:
    if len(sys.argv) < 3 or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        return 0 if len(sys.argv) > 1 and sys.argv[1] in ("-h", "--help") else 2
    before, after = (results.read_given(path) for path in sys.argv[1:3])
    if lines := unknown(before, after, sys.argv[3:]):
        print("\n".join(f"compare.py: {line}" for line in lines), file=sys.stderr)
        return 2
    for line in differences(before, after):
        print(line)
    rows = compare(before, after, sys.argv[3:])
    if not rows:
        print("the two have no scenario and target in common")
        return 1
    print(align([["scenario", "target", "figure", "before", "after", "change", ""], *rows]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
