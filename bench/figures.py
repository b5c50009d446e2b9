"""Figures of several runs: spreads, ratios within rounds, and the table that people read."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import Protocol

Spread = dict[str, float]


class Measured(Protocol):
    """A sample: whose it is, of which round, and what went wrong."""

    target: str
    round: int
    errors: dict[str, int]


def spread(values: list[float]) -> Spread | None:
    """Median, least and greatest; nothing for no values."""
    return {"median": median(values), "min": min(values), "max": max(values)} if values else None


def by_round(samples: Sequence[Measured], target: str, field: str) -> dict[int, float]:
    """What was measured in the runs without errors."""
    pairs = ((s.round, getattr(s, field)) for s in samples if s.target == target and not s.errors)
    return {number: value for number, value in pairs if value is not None}


def ratio(samples: Sequence[Measured], target: str, base: str, field: str) -> Spread | None:
    """Of a field of two targets, round by round; rounds in which either had errors, or nothing, do not count."""
    upper, lower = by_round(samples, target, field), by_round(samples, base, field)
    return spread([value / lower[number] for number, value in upper.items() if value and lower.get(number)])


def added(samples: Sequence[Measured], target: str, base: str, field: str, without: str) -> Spread | None:
    """What a target adds to the field of `without`, over what `base` adds to it, round by round; a round in which either of
    them added nothing does not count."""
    own, other, least = (by_round(samples, name, field) for name in (target, base, without))
    pairs = [(own[number] - least[number], other[number] - least[number])
             for number in own if number in other and number in least]
    return spread([upper / lower for upper, lower in pairs if min(upper, lower) > 0])


def align(rows: list[list[str]]) -> str:
    """The rows with each column as wide as its widest cell."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def show_spread(value: object, show: Callable[[float], str], ends: bool) -> str:
    """A cell of a table: the median and, if wanted, its `ends` in parentheses; "-" for what was not measured."""
    if not isinstance(value, dict):
        return "-"
    text = show(value["median"])
    return f"{text} ({show(value['min'])}..{show(value['max'])})" if ends else text


def show_runs(values: dict[str, object]) -> str:
    """A cell of a table: how many runs count, and how many were invalid, if any."""
    invalid = values["invalid_runs"]
    return f"{values['valid_runs']}" + (f" ({invalid} invalid)" if invalid else "")
