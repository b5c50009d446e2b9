#!/usr/bin/env python3
"""Makes the tables of README.md, bench/README.md and bench/results/README.md, and README's picture, from bench/results.

usage: bench/tables.py [--check | --self]
  Writes each table between its marks, <!-- KIND RESULT.json --> and <!-- end -->; some take rows from other results too.
  With --check nothing is written: the exit status is 1 when a document says anything else than its result, when a result
  has no table of all of it, or when its medians are not those of its samples, or these not those of their raw counts.
  --self tries whether --check finds such documents and results.
"""

import math
import pathlib
import re
import shutil
import sys
import tempfile
from collections.abc import Callable

import figures
import fresh
import measure
import plot
import results
import scenarios
import summary
import targets

FOLDER = "bench/results"
DOCUMENTS = ["README.md", "bench/README.md", f"{FOLDER}/README.md"]
PICTURES = {f"{FOLDER}/one-worker.svg": ("one-worker.json", ["keepalive", "connections", "bulk"])}
# What a kind of table takes from beside its own result.
COMPANIONS = {"waits": ["starts.json"], "aims": ["starts.json", "two-workers.json"]}
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

LEAST = "≥ "  # before a rate that is only a lower bound

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


def _spread(values: object, form: str = "{:.2f}", scale: float = 1.0) -> str:
    """The median with its ends."""
    return figures.show_spread(values, lambda value: form.format(value * scale), True)


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
    names = [name for name in SHOWN if all(name in one["medians"] for one in result["scenarios"].values())]
    rows: Table = [["", *(SHOWN[name] for name in names), "Weir to the best of them: rate", "CPU"]]
    for name in (one for one in SHORT if one in result["scenarios"]):
        scenario, made = scenarios.ALL[name], results.medians(result, name)
        cells = []
        for target in names:
            cost = _show(_median(made[target], "cost"), lambda v, s=scenario: _cost(s, v))
            rate = _show(_median(made[target], "rate"), lambda v, s=scenario: _rate(s, v))
            least = "" if made[target]["is_the_limit"] or rate == "-" else LEAST
            cells.append(cost if scenario.is_paced else f"{least}{rate}, {cost}")
        rate = "-" if scenario.is_paced else _bold(made["weir"]["rate_to_peer"])
        rows.append([SHORT[name], *cells, rate, _bold(made["weir"]["cost_to_peer"])])
    note = f"\n{LEAST.strip()}: below {summary.BUSY:.0%} busy: something else held the load up, the proxy can do more.\n"
    return where(result) + markdown(rows) + (note if any(LEAST in cell for row in rows for cell in row) else "")


def _bold(values: object) -> str:
    return re.sub(r"^[\d.]+", r"**\g<0>**", _spread(values))


def waits(result: dict[str, object], starts: dict[str, object]) -> str:
    """Latency; memory and starts from `starts`."""
    rows: Table = [["", *SHOWN.values()]]

    def row(title: str, scenario: str, form: Callable[[dict[str, object]], str]) -> None:
        source = starts if scenario in fresh.ALL else result
        made = results.medians(source, scenario)
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
    return f"{markdown(rows)}\n{_about_starts(starts)}"


def _about_starts(starts: dict[str, object]) -> str:
    return f"Memory, starts, idle and slow connections: medians of {starts['rounds']} rounds, a new process for each.\n"


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


def _samples(result: dict[str, object], name: str) -> list[measure.Sample]:
    return [measure.Sample(**one) for one in result["scenarios"][name]["samples"]]


def _ratio(result: dict[str, object], name: str, field: str, base: str) -> str:
    """Weir's to another target's."""
    return _spread(figures.ratio(_samples(result, name), "weir", base, field))


def _added(result: dict[str, object], field: str) -> str:
    """Weir's latency over that without a proxy, to the same of the best other one; where a round has no such thing to
    divide, because the way through a proxy was not the longer one, it does not count."""
    peer = summary.best_peer(results.medians(result, "latency"), field, least=True)
    direct, other, own = (figures.by_round(_samples(result, "latency"), name, field) for name in ("direct", peer, "weir"))
    pairs = [(own[number] - direct[number], other[number] - direct[number])
             for number in own if number in direct and number in other]
    return _spread(figures.spread([upper / lower for upper, lower in pairs if min(upper, lower) > 0]))


def aims(result: dict[str, object], starts: dict[str, object], two: dict[str, object]) -> str:
    """What was aimed at, and what came out; `two` is with two workers."""
    def to_peer(name: str) -> str:
        made = results.medians(result, name)["weir"]
        return f"{_spread(made['rate_to_peer'])}, {_spread(made['cost_to_peer'])}"

    def fresh_one(name: str, field: str, form: str, scale: float = 1.0) -> str:
        return _spread(results.medians(starts, name)["weir"][field], form, scale)

    rows: Table = [["", "aim", "measured"]]
    rows += [[f"{SHORT[name]}: rate and CPU to the better of nginx and HAProxy", aim, to_peer(name)] for name, aim in (
        ("keepalive", "1.00, 1.00"), ("keepalive-1000", "1.00, 1.00"),
        ("connections", "1.03, 0.95"), ("connections-32", "1.03, 0.95"))]
    rows += [
        ["16 MiB bodies: rate to HAProxy with splice, to nginx", "1.00, 1.40",
         f"{_ratio(result, 'bulk', 'rate', 'haproxy-splice')}, {_ratio(result, 'bulk', 'rate', 'nginx')}"],
        ["16 MiB bodies: CPU to HAProxy with splice", "0.93", _ratio(result, "bulk", "cost", "haproxy-splice")],
        ["latency that is added at a fixed rate, to the better one: p50, p99", "1.00, 1.00",
         f"{_added(result, 'p50_us')}, {_added(result, 'p99_us')}"],
        ["an idle connection", "768 bytes", f"{fresh_one('idle', 'each', '{:.0f}')} bytes"],
        ["CPU of 9 000 idle connections", "none", f"{fresh_one('idle', 'idle_cpu', '{:.2f}', 100)} %"],
        ["two workers: CPU to that of one: 64 connections, a connection for each request, a fixed rate", "1.05 each",
         ", ".join(_ratio(two, name, "cost", "weir-one") for name in ("keepalive", "connections", "latency"))],
        ["start with 1 000 and 10 000 backends", "- and 200 ms",
         " and ".join(fresh_one(f"backends-{count}", "start", "{:.0f}", 1e3) for count in (1_000, 10_000)) + " ms"],
        ["memory with 1 000 and 10 000 backends", "linear",
         " and ".join(fresh_one(f"backends-{count}", "memory", "{:.1f}", 1e-6) for count in (1_000, 10_000)) + " MB"],
        ["CPU for a connection to one of 10, 1 000, 10 000 backends", "no worse than linear",
         ", ".join(fresh_one(f"backends-{count}", "cost", "{:.0f}") for count in (10, 1_000, 10_000)) + " us"],
    ]
    return f"{where(result)}{markdown(rows)}\n{_about_starts(starts)}"


KINDS: dict[str, Callable[..., str]] = {"rates": rates, "waits": waits, "aims": aims, "whole": whole}


class Tree:
    """The documents and results below a folder."""

    def __init__(self, root: pathlib.Path) -> None:
        self._root = root
        self._results = {path.name: results.read(path) for path in sorted((root / FOLDER).glob("*.json"))}

    def made(self) -> dict[str, str]:
        """What each file should be."""
        files = {name: MARK.sub(self._table, self.text(name)) for name in DOCUMENTS}
        for name, (result, wanted) in PICTURES.items():
            files[name] = "\n".join(plot.draw(self._results[result], wanted)) + "\n"
        return files

    def text(self, name: str) -> str:
        path = self._root / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def write(self) -> None:
        for name, text in self.made().items():
            (self._root / name).write_text(text, encoding="utf-8")

    def wrong(self) -> list[str]:
        """A line for each thing that is not as it should be."""
        lines = [f"{FOLDER}/{name}: {scenario}: {what}" for name, result in self._results.items()
                 for scenario in result["scenarios"] for what in wrong_in(result, scenario)]
        lines += [f"{name} says something else than {FOLDER}: run bench/tables.py"
                  for name, text in self.made().items() if text != self.text(name)]
        marks = [(kind, result) for name in DOCUMENTS for _, kind, result, _ in MARK.findall(self.text(name))]
        lines += [f"no document has a table of the kind {kind}" for kind in KINDS if kind not in dict(marks)]
        return lines + [f"{FOLDER}/{name} has {marks.count(('whole', name))} tables of all of it, and not 1"
                        for name in self._results if marks.count(("whole", name)) != 1]

    def _table(self, found: re.Match[str]) -> str:
        arguments = [self._results[name] for name in (found[3], *COMPANIONS.get(found[2], ()))]
        return f"{found[1]}{KINDS[found[2]](*arguments).strip()}\n{found[4]}"


def wrong_in(result: dict[str, object], name: str) -> list[str]:
    """What does not fit together in a scenario of a result."""
    value = result["scenarios"][name]
    lines = [f"{target} has not {result['rounds']} samples" for target in value["medians"]
             if sum(one["target"] == target for one in value["samples"]) != result["rounds"]]
    if results.medians(result, name) != value["medians"]:
        lines.append("the medians are not those of the samples")
    if name in scenarios.ALL:
        lines += [f"{one.target}, round {one.round}: the figures are not those of the raw counts"
                  for one in _samples(result, name)
                  if not _is_derived(one, scenarios.ALL[name], targets.workers_of(one.target, result["workers"]))]
    return lines


def _is_derived(sample: measure.Sample, scenario: scenarios.Scenario, workers: int) -> bool:
    made = measure.derive(scenario, sample, sample.cpu_seconds, workers)
    return all(one == other or None not in (one, other) and math.isclose(one, other, rel_tol=1e-9)
               for one, other in zip(made, (sample.rate, sample.cost, sample.busy)))


# In each of these files one digit is changed: the last one of what is found first.
CHANGES = [("README.md", r"\*\*\d\.\d\d\*\*"), ("bench/README.md", r"\d+\) bytes \|"), (f"{FOLDER}/README.md", r"\d+ \("),
           (f"{FOLDER}/one-worker.svg", r"width=\"\d+\."), (f"{FOLDER}/one-worker.json", r"\"requests\": \d+"),
           (f"{FOLDER}/one-worker.json", r"\"requests\": \d+, \"bytes\": \d+, \"seconds\": [\d.]+, \"rate\": \d+")]


def tried(root: pathlib.Path) -> list[str]:
    """What --check does not find, in a copy of the documents; and what it finds in one that is as it should be."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        for one in ("bench", FOLDER):
            (copy / one).mkdir()
        for one in [*DOCUMENTS, *(str(path.relative_to(root)) for path in (root / FOLDER).iterdir() if path.is_file())]:
            shutil.copy(root / one, copy / one)
        lines = [f"nothing was changed, and yet: {line}" for line in Tree(copy).wrong()]
        for name, pattern in CHANGES:
            text = (copy / name).read_text(encoding="utf-8")
            found = re.search(pattern, text)
            at = found.start() + re.search(r"\d(?=\D*$)", found[0]).start()
            (copy / name).write_text(f"{text[:at]}{9 - int(text[at])}{text[at + 1:]}", encoding="utf-8")
            if not Tree(copy).wrong():
                lines.append(f"a digit of {name} was changed ({pattern}), and nobody noticed")
            (copy / name).write_text(text, encoding="utf-8")
    return lines


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent
    what = {(): Tree(root).write, ("--check",): Tree(root).wrong, ("--self",): lambda: tried(root)}.get(tuple(sys.argv[1:]))
    if what is None:
        print(__doc__)
        return 2
    lines = what() or []
    for line in lines:
        print(line)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
