#!/usr/bin/env python3
"""Draws a result of bench/run.sh as bars: for each scenario every target's rate and what it costs.

usage: bench/plot.py RESULT.json OUT.svg [SCENARIO ...]
"""

import json
import pathlib
import sys
from html import escape

COLOURS = {"weir": "#3ca951", "other": "#9ad3a4", "floor": "#c9ccd1"}
USUAL = "#6b8fd4"
LEFT, TOP, PANEL, GAP, BAR, STEP, NUMBER = 130, 84, 250, 120, 16, 23, 74


def text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 13, weight: str = "normal",
         colour: str = "#24292f") -> str:
    return (f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" '
            f'fill="{colour}">{escape(words)}</text>')


def bar(x: float, y: float, value: float, most: float, words: str, colour: str):
    length = value / most * (PANEL - NUMBER)
    yield f'<rect x="{x:g}" y="{y:g}" width="{max(length, 1):.1f}" height="{BAR}" fill="{colour}"/>'
    yield text(x + length + 5, y + BAR - 3, words, size=12)


def panel(x: float, y: float, targets: list[str], values: dict[str, float], form: str):
    most = max(values.values(), default=1.0)
    yield f'<path d="M{x - .5:g} {y - 3:g} v{len(targets) * STEP}" stroke="#8c959f"/>'
    for place, target in enumerate(targets):
        if target in values:
            yield from bar(x, y + place * STEP, values[target], most, form.format(values[target]),
                           COLOURS.get(target, USUAL))


def medians(scenario: dict, field: str, targets: list[str]) -> dict[str, float]:
    found = {target: scenario["medians"][target][field] for target in targets if target in scenario["medians"]}
    return {target: value["median"] for target, value in found.items() if isinstance(value, dict)}


def draw(result: dict, names: list[str]):
    scenarios = {name: result["scenarios"][name] for name in names}
    targets = [target for target in next(iter(scenarios.values()))["medians"] if target != "direct"]
    block = len(targets) * STEP + 66
    width, height = LEFT + 2 * (PANEL + GAP) - GAP + 16, TOP + len(scenarios) * block
    box = result["machine"]
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
           f'viewBox="0 0 {width} {height}" font-family="Helvetica, Arial, sans-serif">')
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    worker = "one worker" if result["workers"] == 1 else f"{result['workers']} workers"
    yield text(16, 30, f"Through each proxy, {worker}", size=18, weight="bold")
    yield text(16, 52, f"{box['cpu']}, {box['cores']} cores, Linux {box['kernel']}; medians of {result['rounds']} rounds in turn",
               colour="#57606a")
    for number, (name, scenario) in enumerate(scenarios.items()):
        y = TOP + number * block + 40
        per_byte = scenario["unit"] == "GB"
        yield text(16, y - 26, f"{name}: {scenario['about']}", weight="bold")
        for x, words in ((LEFT, "GB/s, more is better" if per_byte else "requests a second, more is better"),
                         (LEFT + PANEL + GAP, "CPU seconds a GB, less is better" if per_byte
                          else "CPU microseconds a request, less is better")):
            yield text(x, y - 9, words, colour="#57606a", size=12)
        for place, target in enumerate(targets):
            yield text(LEFT - 10, y + place * STEP + BAR - 3, target, anchor="end",
                       weight="bold" if target == "weir" else "normal")
        yield from panel(LEFT, y, targets, medians(scenario, "rate", targets), "{:.2f}" if per_byte else "{:,.0f}")
        yield from panel(LEFT + PANEL + GAP, y, targets, medians(scenario, "cost", targets),
                         "{:.2f}" if per_byte else "{:.1f}")
    yield "</svg>"


def main() -> int:
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    result = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    names = sys.argv[3:] or list(result["scenarios"])
    for name in names:
        if name not in result["scenarios"]:
            sys.exit(f"plot: {sys.argv[1]} has no scenario \"{name}\": {', '.join(result['scenarios'])}")
    pathlib.Path(sys.argv[2]).write_text("\n".join(draw(result, names)) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
