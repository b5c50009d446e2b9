"""A table of what was measured in turn: lines "LOAD ROUND WHO REQUESTS_A_SECOND [MICROSECONDS_OF_CPU_A_REQUEST]" on standard
input.

usage: table.py BASE OTHER ...        those of WHO, in order
Rates and times are medians. Ratios, of each OTHER to BASE, are taken within a round, where both had the machine in the same
state: the median of them, the least and the greatest.
"""

import collections
import statistics
import sys


def ratio(upper: list[float], lower: list[float]) -> str:
    each = [one / other for one, other in zip(upper, lower, strict=True)]
    return f"{statistics.median(each):.2f} ({min(each):.2f}..{max(each):.2f})"


def main(base: str, *others: str) -> None:
    measured: dict[str, dict[str, list[list[float]]]] = collections.defaultdict(lambda: collections.defaultdict(list))
    for line in sys.stdin:
        load, _, who, *values = line.split()
        measured[load][who].append([float(value) for value in values])
    kinds = ["rate", "CPU"][:len(next(iter(next(iter(measured.values())).values()))[0])]
    rows = [["load", *(f"{who}: {', '.join(kinds)}" for who in (base, *others)),
             *(f"{kind}, {other} : {base}" for other in others for kind in kinds)]]
    for load, by_who in measured.items():
        of = {who: list(zip(*samples)) for who, samples in by_who.items()}
        cells = [", ".join(f"{statistics.median(values):,.0f}/s" if kind == "rate" else f"{statistics.median(values):.1f} us"
                           for kind, values in zip(kinds, of[who])) for who in (base, *others)]
        cells += [ratio(of[other][number], of[base][number]) for other in others for number in range(len(kinds))]
        rows.append([load.replace("_", " "), *cells])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


if __name__ == "__main__":
    main(*sys.argv[1:])
