#!/usr/bin/env python3
"""Draws what simulate_policies --csv prints as bars.

usage: draw.py FILE.csv OUT.svg
"""

import csv
import sys
from html import escape

# Field, title, where the scale begins and where bars are cut, how a value is written.
ROWS = [("most_over_mean", "The fullest backend's sessions over the mean backend's (a bar begins at 1: all alike)", 1, 4, "{:.2f}"),
        ("p99_wait", "Wait until served, 99th percentile, in mean service times", 0, 10, "{:.1f}")]
COLOURS = {"round_robin": "#4269d0", "least_connections": "#3ca951", "random_two": "#9c6b00", "fastest": "#b6477f",
           "source_hash": "#6b6f76", "source_hash 1.25": "#97a0ab", "first": "#2f8f9d"}
LEFT, TOP, COLUMN, GAP, BAR, STEP = 150, 92, 210, 26, 15, 21
NUMBER = 52  # room at the end of a bar


def text(x, y, words, *, anchor="start", size=13, weight="normal", colour="#24292f"):
    return (f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" '
            f'fill="{colour}">{escape(words)}</text>')


def bar(x, y, value, low, cut, form, colour):
    """A bar and its number; one that is too long for the scale is cut, and the cut shows."""
    whole = COLUMN - NUMBER
    length = min(1.0, max(0.0, (value - low) / (cut - low))) * whole
    yield f'<rect x="{x:g}" y="{y:g}" width="{max(length, 1):.1f}" height="{BAR}" fill="{colour}"/>'
    if value > cut:
        at = x + whole - 22
        yield (f'<path d="M{at:g} {y + BAR + 2:g} l7 {-BAR - 4} h5 l-7 {BAR + 4} z" fill="#ffffff"/>')
    yield text(x + length + 5, y + BAR - 3, (form if value < 100 else "{:,.0f}").format(value), size=12)


def draw(rows):
    scenarios = list(dict.fromkeys(row["scenario"] for row in rows))
    policies = list(dict.fromkeys(row["policy"] for row in rows))
    panel = len(policies) * STEP
    width = LEFT + len(scenarios) * (COLUMN + GAP)
    height = TOP + len(ROWS) * (panel + 62) - 8
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
           f'viewBox="0 0 {width} {height}" font-family="Helvetica, Arial, sans-serif">')
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    yield text(16, 30, "Policies under the same load: shorter is better", size=18, weight="bold")
    yield text(16, 52, "20 backends that serve 4 sessions each at once, 80 % used. Bars with a white cut are longer "
               "than they are drawn.", colour="#57606a")
    for number, scenario in enumerate(scenarios):
        yield text(LEFT + number * (COLUMN + GAP), TOP - 10, scenario, weight="bold")
    for line, (field, title, low, cut, form) in enumerate(ROWS):
        top = TOP + line * (panel + 62) + 28
        yield text(16, top - 10, title, colour="#57606a")
        for place, policy in enumerate(policies):
            yield text(LEFT - 10, top + place * STEP + BAR - 3, policy, anchor="end")
        for number, scenario in enumerate(scenarios):
            x = LEFT + number * (COLUMN + GAP)
            yield f'<path d="M{x - .5:g} {top - 3:g} v{panel}" stroke="#8c959f"/>'
            for place, policy in enumerate(policies):
                row = next(r for r in rows if (r["scenario"], r["policy"]) == (scenario, policy))
                yield from bar(x, top + place * STEP, float(row[field]), low, cut, form, COLOURS.get(policy, "#555"))
    yield "</svg>"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write("\n".join(draw(rows)) + "\n")


if __name__ == "__main__":
    main()
