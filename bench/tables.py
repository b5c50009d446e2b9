#!/usr/bin/env python3
"""Makes the tables of README.md and bench/README.md, and README's picture, from the results in bench/results.

usage: bench/tables.py [--check]
  Writes each table between its marks, <!-- KIND RESULT.json --> and <!-- end -->. With --check nothing is written: the
  exit status is 1 when a document says anything else than its result, or a result's medians are not those of its samples.
"""

import pathlib
import re
import sys
from collections.abc import Callable

import fresh
import plot
import results
import scenarios
import summary

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "bench" / "results"
DOCUMENTS = [ROOT / "README.md", ROOT / "bench" / "README.md"]
PICTURES = {ROOT / "bench" / "results" / "one-worker.svg": ("one-worker.json", ["keepalive", "connections", "bulk"])}
MARK = re.compile(r"(<!-- (\w+) ([\w-]+\.json) -->\n).*?(<!-- end -->)", re.DOTALL)

SHORT = {
    "keepalive": "tiny requests, 64 connections that stay",
    "keepalive-1000": "the same, 1 000 connections",
    "connections": "a connection for each request",
    "connections-32": "the same from 32 addresses",
    "bulk": "16 MiB bodies",
    "bulk-64k": "64 KiB bodies",
    "mixed": "all of that at once, at fixed rates",
}
SHOWN = {"nginx": "nginx", "haproxy": "HAProxy", "haproxy-splice": "HAProxy, splice", "weir": "Weir"}

Table = list[list[str]]


def markdown(rows: Table) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join(lines) + "\n"


def _median(values: dict[str, object], field: str) -> float | None:
    found = values[field]
    return found["median"] if isinstance(found, dict) else None


def _show(value: float | None, form: Callable[[float], str]) -> str:
    return "-" if value is None else form(value)


def _rate(scenario: scenarios.Scenario, value: float) -> str:
    return f"{value:.2f} GB/s" if scenario.per_byte else f"{value / 1000:.1f} k/s"


def _cost(scenario: scenarios.Scenario, value: float) -> str:
    return f"{value:.2f} s/GB" if scenario.per_byte else f"{value:.1f} us"


def where(result: dict[str, object]) -> str:
    box, versions = result["machine"], result["machine"]["versions"]
    workers = "One worker each" if result["workers"] == 1 else f"{result['workers']} workers each"
    place = "across network namespaces" if result["network"] == "namespaces" else "on loopback"
    return (f"{workers}, {place}; {box['cpu']} with {box['cores']} cores, Linux {box['kernel'].partition('-')[0]}, nginx "
            f"{versions['nginx']}, HAProxy {versions['haproxy'].partition('-')[0]}; medians of {result['rounds']} rounds of "
            f"{result['seconds']} s, in turn.\n\n")


def rates(result: dict[str, object]) -> str:
    """What each does, and Weir's ratio to the best of the others."""
    targets = [name for name in SHOWN if all(name in one["medians"] for one in result["scenarios"].values())]
    rows: Table = [["", *(SHOWN[name] for name in targets), "Weir to the best of them: rate", "CPU"]]
    for name in (one for one in SHORT if one in result["scenarios"]):
        scenario, made = scenarios.ALL[name], results.medians(result, name)
        cells = []
        for target in targets:
            cost = _show(_median(made[target], "cost"), lambda v, s=scenario: _cost(s, v))
            rate = _show(_median(made[target], "rate"), lambda v, s=scenario: _rate(s, v))
            cells.append(cost if scenario.is_paced else f"{rate}, {cost}")
        rate = "-" if scenario.is_paced else _show(_median(made["weir"], "rate_to_peer"), "**{:.2f}**".format)
        rows.append([SHORT[name], *cells, rate, _show(_median(made["weir"], "cost_to_peer"), "**{:.2f}**".format)])
    return where(result) + markdown(rows)


def waits(result: dict[str, object]) -> str:
    """Latency, memory and starts."""
    rows: Table = [["", *SHOWN.values()]]

    def row(title: str, scenario: str, form: Callable[[dict[str, object]], str]) -> None:
        if scenario in result["scenarios"]:
            made = results.medians(result, scenario)
            rows.append([title, *(form(made[name]) if name in made else "-" for name in SHOWN)])

    row("latency at half of the slowest one's rate: p50, p99", "latency",
        lambda v: f"{_show(_median(v, 'p50_us'), '{:.0f}'.format)}, {_show(_median(v, 'p99_us'), '{:.0f}'.format)} us")
    row("memory of an idle connection", "idle", lambda v: _show(_median(v, "each"), "{:,.0f} bytes".format))
    row("CPU of 9 000 that are idle", "idle", lambda v: _show(_median(v, "idle_cpu"), lambda x: f"{x:.2%} of a core"))
    row("CPU for a GB to 200 slow readers", "slow", lambda v: _show(_median(v, "cost_of_gigabyte"), "{:.2f} s".format))
    row("start with 10 000 backends", "backends-10000",
        lambda v: f"{_show(_median(v, 'start'), lambda x: f'{x * 1e3:.0f}')} ms, "
                  f"{_show(_median(v, 'memory'), lambda x: f'{x / 1e6:.0f}')} MB")
    row("CPU for a connection to one of 10 000 backends", "backends-10000",
        lambda v: _show(_median(v, "cost"), "{:.1f} us".format))
    row("start with 1 000 listeners", "listeners-1000",
        lambda v: _show(_median(v, "start"), lambda x: f"{x * 1e3:.0f} ms"))
    return markdown(rows)


def whole(result: dict[str, object]) -> str:
    """Every scenario with all of its targets."""
    parts = [where(result)]
    for name, value in result["scenarios"].items():
        made = results.medians(result, name)
        if name in fresh.ALL:
            parts.append(f"`{name}`: {value['about']}\n\n{markdown(fresh.rows(made))}\n")
        else:
            scenario = scenarios.ALL[name]
            parts.append(f"`{name}`: {value['about']}\n\n{markdown(summary.rows(scenario, made))}\n")
            if note := summary.not_the_limit(scenario, made).strip():
                parts.append(f"{note[0].upper()}{note[1:]}.\n\n")
    return "".join(parts)


KINDS: dict[str, Callable[[dict[str, object]], str]] = {"rates": rates, "waits": waits, "whole": whole}


def fill(text: str) -> str:
    def table(found: re.Match[str]) -> str:
        return f"{found[1]}{KINDS[found[2]](results.read(FOLDER / found[3])).strip()}\n{found[4]}"
    return MARK.sub(table, text)


def picture(name: str, wanted: list[str]) -> str:
    return "\n".join(plot.draw(results.read(FOLDER / name), wanted)) + "\n"


def stale_medians() -> list[str]:
    """Scenarios whose medians are not those of their samples."""
    return [f"{path.name}: {name}: the medians are not those of the samples" for path in sorted(FOLDER.glob("*.json"))
            for result in [results.read(path)] for name, value in result["scenarios"].items()
            if results.medians(result, name) != value["medians"]]


def main() -> int:
    if sys.argv[1:] not in ([], ["--check"]):
        print(__doc__)
        return 2
    files = {path: (path.read_text(encoding="utf-8"), fill(path.read_text(encoding="utf-8"))) for path in DOCUMENTS}
    for path, (name, wanted) in PICTURES.items():
        files[path] = (path.read_text(encoding="utf-8") if path.exists() else "", picture(name, wanted))
    if not sys.argv[1:]:
        for path, (_, made) in files.items():
            path.write_text(made, encoding="utf-8")
        return 0
    wrong = stale_medians() + [f"{path.relative_to(ROOT)} says something else than bench/results: run bench/tables.py"
                               for path, (is_there, made) in files.items() if is_there != made]
    marks = sum(len(MARK.findall(is_there)) for is_there, _ in files.values())
    if marks < len(KINDS):
        wrong.append(f"only {marks} tables are marked in the documents")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
