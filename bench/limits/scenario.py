"""What all scenarios have in common: samples of proxies that are visited in turn, and a table of their medians."""

import abc
import dataclasses
import os
from collections.abc import Callable

import proxies
import load
import figures


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much is measured. `tolerance`: the share of connects that may be late or unanswered in a valid run."""

    rounds: int = 5
    offered: int = 5000  # connects a second
    seconds: int = 10
    crowd: int = 100  # connects at once of each client
    refusals: int = 60_000
    least_cpu: float = 0.3  # seconds, thirty times what the kernel's account resolves
    tolerance: float = 0.01


QUICK = Sizes(rounds=1, offered=2000, seconds=2, crowd=40, refusals=3000, least_cpu=0.0, tolerance=0.2)


@dataclasses.dataclass
class Sample:
    """One visit to a proxy. A sample with errors does not count."""

    target: str
    round: int
    load_average: float
    tally: load.Tally
    own: dict[str, int]  # what the proxy's own counts grew by
    errors: dict[str, object]


@dataclasses.dataclass(frozen=True)
class Column:
    """A field of the samples: its median, with the least and the greatest if `ends`."""

    title: str
    field: str
    show: Callable[[float], str]
    ends: bool = False


class Scenario(abc.ABC):
    """A kind of limit under a kind of load."""

    name: str
    about: str
    columns: list[Column]

    def __init__(self, sizes: Sizes, generator: load.Generator) -> None:
        self.sizes = sizes
        self.generator = generator
        self.notes: list[str] = []  # what could not be measured here, and why

    @abc.abstractmethod
    def start(self, place: proxies.Place) -> list[proxies.Proxy]:
        """Starts what is measured, in the order of its turns."""

    @abc.abstractmethod
    def take(self, proxy: proxies.Proxy, number: int) -> Sample:
        """Visits a proxy in round `number`."""

    def summarise(self, samples: list[Sample], target: str) -> dict[str, object]:
        own = [sample for sample in samples if sample.target == target]
        valid = [sample for sample in own if not sample.errors]
        values = {column.field: [getattr(sample, column.field, None) for sample in valid] for column in self.columns}
        return {"valid_runs": len(valid), "invalid_runs": len(own) - len(valid),
                **{field: figures.spread([one for one in many if one is not None]) for field, many in values.items()}}

    def table(self, medians: dict[str, dict[str, object]]) -> str:
        rows = [["", *(column.title for column in self.columns), "runs"]]
        for target, values in medians.items():
            cells = [figures.show_spread(values[column.field], column.show, column.ends) for column in self.columns]
            rows.append([target, *cells, figures.show_runs(values)])
        return f"{self.name}: {self.about}\n{figures.align(rows)}\n"


def growth(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {name: after[name] - before[name] for name in after}


def load_average() -> float:
    return os.getloadavg()[0]


def faults_of_pace(tally: load.Tally, planned: int, sizes: Sizes) -> dict[str, object]:
    """What shows that the machine could not keep up with an open load."""
    faults: dict[str, object] = {}
    if tally.offered < planned * (1 - sizes.tolerance):
        faults["offered_too_few"] = f"{tally.offered} of {planned}"
    if tally.latest_ms > 10_000 * sizes.tolerance:
        faults["offered_too_late_ms"] = tally.latest_ms
    return faults


def faults_of_silence(tally: load.Tally, sizes: Sizes) -> dict[str, object]:
    """What shows that connects were lost on the way to a proxy that answers all it sees."""
    return {"timed_out": tally.timed_out} if tally.timed_out > tally.offered * sizes.tolerance else {}
