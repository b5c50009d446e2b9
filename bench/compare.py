#!/usr/bin/env python3
"""Sets two results of bench/run.sh side by side, and says what lies beyond their noise.

usage: bench/compare.py BEFORE.json AFTER.json [TARGET ...]

Absolute figures of two runs differ with the machine's mood. So each figure is first divided by that of the same round's
run without a proxy (target "direct"), and is then called "to direct"; where there is none, figures are compared as they
are. A difference is called one when every run of one result lies on the same side of every run of the other, and each has
five at least: of two times five runs that are alike this happens once in 126 times, so that among a hundred comparisons
one is expected to be called a difference by chance.
"""

import json
import pathlib
import sys
from statistics import median
from types import SimpleNamespace

from figures import align, by_round

# What is compared, whether more is better, and whether it is divided by the run without a proxy.
FIELDS = {"rate": (True, True), "cost": (False, False), "p99_us": (False, True), "start": (False, False),
          "memory": (False, False), "each": (False, False), "idle_cpu": (False, False)}
BASE = "direct"
LEAST_RUNS = 5


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


def rows_of(name: str, before: dict, after: dict, wanted: list[str]) -> list[list[str]]:
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


def main() -> int:
    if len(sys.argv) < 3 or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        return 0 if len(sys.argv) > 1 and sys.argv[1] in ("-h", "--help") else 2
    before, after = (json.loads(pathlib.Path(path).read_text(encoding="utf-8")) for path in sys.argv[1:3])
    for key in ("cpu", "kernel", "cores"):
        if before["machine"][key] != after["machine"][key]:
            print(f"not the same machine: {key} was {before['machine'][key]}, is {after['machine'][key]}")
    for key in ("workers", "network", "pinned"):
        if before.get(key) != after.get(key):
            print(f"not the same setting: {key} was {before.get(key)}, is {after.get(key)}")
    rows = [["scenario", "target", "figure", "before", "after", "change", ""]]
    for name in before["scenarios"]:
        if name in after["scenarios"]:
            rows += rows_of(name, before["scenarios"][name], after["scenarios"][name], sys.argv[3:])
    if len(rows) == 1:
        print("the two have no scenario and target in common")
        return 1
    print(align(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
