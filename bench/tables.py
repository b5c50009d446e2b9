#!/usr/bin/env python3
"""Makes the tables of README.md, bench/README.md and bench/results/README.md, and README's picture, from bench/results.

usage: bench/tables.py [--check]
  Writes each table between its marks, <!-- KIND RESULT.json --> and <!-- end -->; some take rows from other results too.
  With --check nothing is written: the exit status is 1 when a document says anything else than its result, when a result
  has no table of all of it or was measured with what no commit has, or when its medians are not those of its samples, or
  these not those of their raw counts.
"""

import math
import pathlib
import re
import sys

import kinds
import machine
import measure
import plot
import results
import scenarios
import targets

FOLDER = "bench/results"
DOCUMENTS = ["README.md", "bench/README.md", f"{FOLDER}/README.md"]
PICTURES = {f"{FOLDER}/one-worker.svg": ("one-worker.json", ["keepalive", "connections", "bulk"])}
# What a kind of table takes from beside its own result.
COMPANIONS = {"waits": ["starts.json"], "aims": ["starts.json", "two-workers.json"]}
MARK = re.compile(r"(<!-- (\w+) ([\w-]+\.json) -->\n).*?(<!-- end -->)", re.DOTALL)


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
        lines += [f"{FOLDER}/{name}: {what}" for name, result in self._results.items() for what in not_of_a_commit(result)]
        lines += [f"{name} says something else than {FOLDER}: run bench/tables.py"
                  for name, text in self.made().items() if text != self.text(name)]
        marks = [(kind, result) for name in DOCUMENTS for _, kind, result, _ in MARK.findall(self.text(name))]
        lines += [f"no document has a table of the kind {kind}" for kind in kinds.ALL if kind not in dict(marks)]
        lines += [f"bench/README.md does not name the counter {name}" for name in measure.KERNEL_COUNTERS
                  if f"`{name}`" not in self.text("bench/README.md")]
        return lines + [f"{FOLDER}/{name} has {marks.count(('whole', name))} tables of all of it, and not 1"
                        for name in self._results if marks.count(("whole", name)) != 1]

    def _table(self, found: re.Match[str]) -> str:
        arguments = [self._results[name] for name in (found[3], *COMPANIONS.get(found[2], ()))]
        return f"{found[1]}{kinds.ALL[found[2]](*arguments).strip()}\n{found[4]}"


def not_of_a_commit(result: dict[str, object]) -> list[str]:
    """What was measured and nobody can build again: files that no commit has, binaries from elsewhere."""
    commit = result["machine"]["commit"]
    is_one = commit != "unknown" and not commit.endswith(machine.DIRTY)
    lines = [] if is_one else [f"measured at {commit}, which no commit is"]
    return lines + [f"measured with {word}, a binary from elsewhere" for word in result["command"]
                    if word.partition("=")[0] in ("--weir", "--other")]


def wrong_in(result: dict[str, object], name: str) -> list[str]:
    """What does not fit together in a scenario of a result. Fields that are summarised since, or no more, are let be."""
    value, made = result["scenarios"][name], results.medians(result, name)
    lines = [f"{target} has not {result['rounds']} samples" for target in value["medians"]
             if sum(one["target"] == target for one in value["samples"]) != result["rounds"]]
    lines += [f"{target}: {field} is not that of the samples" for target, fields in value["medians"].items()
              for field, stated in fields.items() if field in made[target] and stated != made[target][field]]
    if name in scenarios.ALL:
        lines += [f"{one.target}, round {one.round}: the figures are not those of the raw counts"
                  for one in results.samples(result, name)
                  if not _is_derived(one, scenarios.ALL[name], targets.workers_of(one.target, result["workers"]))]
    return lines


def _is_derived(sample: measure.Sample, scenario: scenarios.Scenario, workers: int) -> bool:
    made = measure.derive(scenario, sample, sample.cpu_seconds, workers)
    return all(one == other or None not in (one, other) and math.isclose(one, other, rel_tol=1e-9)
               for one, other in zip(made, (sample.rate, sample.cost, sample.busy)))


def main() -> int:
    tree = Tree(pathlib.Path(__file__).resolve().parent.parent)
    what = {(): tree.write, ("--check",): tree.wrong}.get(tuple(sys.argv[1:]))
    if what is None:
        print(__doc__)
        return 2
    lines = what() or []
    for line in lines:
        print(line)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
