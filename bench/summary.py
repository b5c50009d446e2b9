"""Medians and ratios of samples, and the table that people read.

A ratio is taken within each round, of runs that followed one another, and then the median of the rounds' ratios: what
disturbs a whole round cancels out.
"""

from collections.abc import Callable

from figures import align, ratio, show_spread, spread
from measure import Sample
from scenarios import Scenario

# Below this the proxy was not what held the load up: its rate says nothing of it.
BUSY = 0.95
# Whom Weir is compared with.
PEERS = ("nginx", "haproxy", "haproxy-splice")
FIELDS = ("rate", "cost", "busy", "load_busy", "p50_us", "p99_us", "p999_us")


def best_peer(result: dict[str, dict[str, object]], field: str, least: bool) -> str | None:
    """The one of the peers with the best median."""
    medians = {name: value["median"] for name in PEERS
               if name in result and isinstance(value := result[name][field], dict)}
    return (min if least else max)(medians, key=lambda name: medians[name]) if medians else None


def summarise(scenario: Scenario, samples: list[Sample], targets: list[str]) -> dict[str, dict[str, object]]:
    result: dict[str, dict[str, object]] = {}
    for target in targets:
        own = [s for s in samples if s.target == target]
        valid = [s for s in own if not s.errors]
        result[target] = {
            "valid_runs": len(valid),
            "invalid_runs": len(own) - len(valid),
            **{field: spread([getattr(s, field) for s in valid if getattr(s, field) is not None]) for field in FIELDS},
            "rate_to_direct": ratio(samples, target, "direct", "rate"),
        }
    for field, least in (("rate", False), ("cost", True), ("p50_us", True), ("p99_us", True)):
        peer = best_peer(result, field, least)
        for target in targets:
            result[target][f"{field}_to_peer"] = ratio(samples, target, peer, field) if peer else None
            result[target][f"{field}_peer"] = peer
    for values in result.values():
        # A fixed rate leaves everybody time.
        busy = values["busy"]
        values["is_the_limit"] = not scenario.is_paced and isinstance(busy, dict) and busy["median"] >= BUSY
    return result


def rows(scenario: Scenario, result: dict[str, dict[str, object]]) -> list[list[str]]:
    """Of the table, its head first."""
    rate, cost = ("GB/s", "CPU s/GB") if scenario.per_byte else ("requests/s", "CPU us/req")
    digits = 2 if scenario.per_byte else 0
    columns: list[tuple[str, str, Callable[[float], str], bool]] = [
        (rate, "rate", lambda v: f"{v:.{digits}f}", True),
        ("to direct", "rate_to_direct", "{:.2f}".format, False),
        ("to peer", "rate_to_peer", "{:.2f}".format, True),
        (cost, "cost", "{:.2f}".format, True),
        ("to peer", "cost_to_peer", "{:.2f}".format, True),
        ("busy", "busy", "{:.0%}".format, False),
        ("load busy", "load_busy", "{:.0%}".format, False),
        ("p50 us", "p50_us", "{:.0f}".format, False),
        ("p99 us", "p99_us", "{:.0f}".format, True),
        ("p99.9 us", "p999_us", "{:.0f}".format, False),
    ]
    found = [["", *(title for title, *_ in columns), "runs"]]
    for target, values in result.items():
        cells = [show_spread(values[field], show, ends) for _, field, show, ends in columns]
        invalid = values["invalid_runs"]
        found.append([target, *cells, f"{values['valid_runs']}" + (f" ({invalid} invalid)" if invalid else "")])
    return found


def table(scenario: Scenario, result: dict[str, dict[str, object]]) -> str:
    return f"{scenario.name}: {scenario.about}\n{align(rows(scenario, result))}\n{not_the_limit(scenario, result)}"


def not_the_limit(scenario: Scenario, result: dict[str, dict[str, object]]) -> str:
    """A line that names the proxies which something else held up."""
    names = [name for name, values in result.items() if values["busy"] and not values["is_the_limit"]]
    if scenario.is_paced or not names:
        return ""
    return f"  not the busy part (below {BUSY:.0%} of their cores), so their rates are a lower bound: {', '.join(names)}\n"
