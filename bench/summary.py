"""Medians and ratios of samples, and the table that people read.

A ratio is taken within each round, of runs that followed one another, and then the median of the rounds' ratios: what
disturbs a whole round cancels out.
"""

from collections.abc import Callable
from statistics import median

from measure import Sample, Scenario

Spread = dict[str, float]


def spread(values: list[float]) -> Spread | None:
    """Median, least and greatest; nothing for no values."""
    return {"median": median(values), "min": min(values), "max": max(values)} if values else None


def ratio(samples: list[Sample], target: str, base: str, field: str) -> Spread | None:
    """Of a field of two targets, round by round; rounds in which either had errors do not count."""
    def by_round(name: str) -> dict[int, float]:
        pairs = ((s.round, getattr(s, field)) for s in samples if s.target == name and not s.errors)
        return {number: value for number, value in pairs if value}
    upper, lower = by_round(target), by_round(base)
    return spread([upper[number] / lower[number] for number in upper if number in lower])


def summarise(samples: list[Sample], targets: list[str]) -> dict[str, dict[str, object]]:
    result: dict[str, dict[str, object]] = {}
    for target in targets:
        own = [s for s in samples if s.target == target]
        valid = [s for s in own if not s.errors]
        fields = ("rate", "cost", "busy", "p50_us", "p99_us")
        result[target] = {
            "valid_runs": len(valid),
            "invalid_runs": len(own) - len(valid),
            **{field: spread([getattr(s, field) for s in valid if getattr(s, field) is not None]) for field in fields},
            "rate_to_direct": ratio(samples, target, "direct", "rate"),
            "rate_to_nginx": ratio(samples, target, "nginx", "rate"),
            "cost_to_nginx": ratio(samples, target, "nginx", "cost"),
            "p99_to_nginx": ratio(samples, target, "nginx", "p99_us"),
        }
    return result


def table(scenario: Scenario, summary: dict[str, dict[str, object]]) -> str:
    rate, cost = ("GB/s", "CPU s/GB") if scenario.per_byte else ("requests/s", "CPU us/req")
    digits = 2 if scenario.per_byte else 0
    columns: list[tuple[str, str, Callable[[float], str], bool]] = [
        (rate, "rate", lambda v: f"{v:.{digits}f}", True),
        ("to direct", "rate_to_direct", "{:.2f}".format, False),
        ("to nginx", "rate_to_nginx", "{:.2f}".format, True),
        (cost, "cost", "{:.2f}".format, True),
        ("to nginx", "cost_to_nginx", "{:.2f}".format, True),
        ("busy", "busy", "{:.0%}".format, False),
        ("p50 us", "p50_us", "{:.0f}".format, False),
        ("p99 us", "p99_us", "{:.0f}".format, True),
    ]
    rows = [["", *(title for title, *_ in columns), "runs"]]
    for target, values in summary.items():
        cells = [show_spread(values[field], show, ends) for _, field, show, ends in columns]
        invalid = values["invalid_runs"]
        rows.append([target, *cells, f"{values['valid_runs']}" + (f" ({invalid} invalid)" if invalid else "")])
    return f"{scenario.name}: {scenario.about}\n{align(rows)}\n"


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
