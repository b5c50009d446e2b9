#!/usr/bin/env python3
"""Draws a result of bench/run.sh as bars: for each scenario every target's rate and what it costs.

usage: bench/plot.py RESULT.json OUT.svg [SCENARIO ...]
  Without a scenario those are drawn that have a rate. Bars are ratios to the best of nginx and HAProxy, taken within each
  round, and the medians of what was measured stand behind them in grey; where a result has neither of the two, bars are
  these medians.
"""

import dataclasses
import pathlib
import sys
from collections.abc import Iterator
from html import escape

import machine
import results

COLOURS = {"weir": "#3ca951", "other": "#9ad3a4", "floor": "#c9ccd1"}
USUAL, GREY, INK, LINE = "#6b8fd4", "#6e7781", "#24292f", "#8c959f"
LEFT, TOP, PANEL, GAP, BAR, STEP = 130, 100, 350, 40, 16, 23
MARGIN, NUMBERS = 16, 130  # what is kept free behind the longest bar


@dataclasses.dataclass(frozen=True)
class Column:
    """One of a scenario's two: a field of its medians, and how its absolute values are told."""

    field: str
    title: str
    form: str


def columns_of(scenario: dict[str, object]) -> tuple[Column, Column]:
    if scenario["unit"] == "GB":
        return (Column("rate", "rate, longer is better", "{:.2f} GB/s"),
                Column("cost", "CPU for a GB, shorter is better", "{:.2f} s"))
    return (Column("rate", "rate, longer is better", "{:,.0f}/s"),
            Column("cost", "CPU for a request, shorter is better", "{:.1f} us"))


def text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 13, weight: str = "normal",
         colour: str = INK) -> str:
    """With a white rim, so that lines do not strike it through."""
    return (f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" fill="{colour}" '
            f'stroke="#ffffff" stroke-width="4" paint-order="stroke">{escape(words)}</text>')


def medians(scenario: dict[str, object], field: str, targets: list[str]) -> dict[str, float]:
    found = {target: scenario["medians"][target].get(field) for target in targets if target in scenario["medians"]}
    return {target: value["median"] for target, value in found.items() if isinstance(value, dict)}


def panel(x: float, y: float, targets: list[str], scenario: dict[str, object], column: Column) -> Iterator[str]:
    """A bar for each target, with its number at the end."""
    absolute = medians(scenario, column.field, targets)
    relative = medians(scenario, f"{column.field}_to_peer", targets)
    values = relative or absolute
    scale = (PANEL - NUMBERS) / max(values.values(), default=1.0)
    rows = [(y + place * STEP, target) for place, target in enumerate(targets) if target in values]
    for at, target in rows:
        yield (f'<rect x="{x:g}" y="{at:g}" width="{max(values[target] * scale, 1):.1f}" height="{BAR}" '
               f'fill="{COLOURS.get(target, USUAL)}"/>')
    for at, colour in ((x - .5, LINE), *(((x + scale, INK),) if relative else ())):
        yield f'<path d="M{at:.1f} {y - 4:g} v{len(targets) * STEP}" stroke="{colour}"/>'
    for at, target in rows:
        known = column.form.format(absolute[target])
        yield text(x + values[target] * scale + 6, at + BAR - 3, f"{values[target]:.2f}" if relative else known, size=12,
                   weight="bold" if target == "weir" else "normal")
        if relative:
            yield text(x + PANEL, at + BAR - 3, known, anchor="end", size=11, colour=GREY)


def heading(result: dict[str, object], are_relative: bool) -> Iterator[str]:
    box = result["machine"]
    workers = "one worker" if result["workers"] == 1 else f"{result['workers']} workers"
    yield text(MARGIN, 30, f"Through each proxy, {workers}", size=18, weight="bold")
    yield text(MARGIN, 52, f"{box['cpu']}, {box['cores']} cores, Linux {machine.upstream(box['kernel'])}; medians of "
                       f"{result['rounds']} rounds in turn", colour=GREY)
    if are_relative:
        yield text(MARGIN, 72, "1 is the best of nginx and HAProxy in the same round; in grey the medians of what was measured",
                   colour=GREY)


def draw(result: dict[str, object], names: list[str]) -> Iterator[str]:
    """The lines of the picture."""
    chosen = {name: result["scenarios"][name] for name in names}
    targets = list(dict.fromkeys(target for one in chosen.values() for target in one["medians"] if target != "direct"))
    block = len(targets) * STEP + 66
    width, height = LEFT + 2 * PANEL + GAP + MARGIN, TOP + len(chosen) * block
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
           f'viewBox="0 0 {width} {height}" font-family="Helvetica, Arial, sans-serif">')
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    yield from heading(result, any(medians(one, "rate_to_peer", targets) for one in chosen.values()))
    for number, (name, scenario) in enumerate(chosen.items()):
        y = TOP + number * block + 40
        yield text(MARGIN, y - 30, f"{name}: {scenario['about']}", weight="bold")
        for place, target in enumerate(targets):
            yield text(LEFT - 10, y + place * STEP + BAR - 3, target, anchor="end",
                       weight="bold" if target == "weir" else "normal")
        for x, column in zip((LEFT, LEFT + PANEL + GAP), columns_of(scenario)):
            yield text(x, y - 11, column.title, colour=GREY, size=12)
            yield from panel(x, y, targets, scenario, column)
    yield "</svg>"


def with_a_rate(result: dict[str, object]) -> list[str]:
    return [name for name, one in result["scenarios"].items() if medians(one, "rate", list(one["medians"]))]


def main() -> int:
    if len(sys.argv) < 3 or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        return 0 if sys.argv[1:2] in (["-h"], ["--help"]) else 2
    result = results.read_given(sys.argv[1])
    possible = with_a_rate(result)
    names = sys.argv[3:] or possible
    for name in names:
        if name not in possible:
            what = "has no rate to draw" if name in result["scenarios"] else "is not there"
            print(f'plot.py: in {sys.argv[1]} "{name}" {what}; there are: {", ".join(possible) or "none"}', file=sys.stderr)
            return 2
    if not names:
        print(f"plot.py: no scenario of {sys.argv[1]} has a rate to draw", file=sys.stderr)
        return 2
    pathlib.Path(sys.argv[2]).write_text("\n".join(draw(result, names)) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
