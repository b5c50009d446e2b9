"""Medians and ratios of samples, and the table that people read.

A ratio is taken within each round, of runs that followed one another, and then the median of the rounds' ratios: what
disturbs a whole round cancels out.
"""

from collections.abc import Callable, Sequence

from figures import Measured, Spread, align, ratio, show_runs, show_spread, spread
from measure import Sample
from scenarios import Scenario

# Below this the proxy was not what held the load up: its rate is a lower bound.
BUSY = 0.95
# From here on requests at a fixed rate wait for the load itself.
QUEUES = 0.80
# Whom Weir is compared with.
PEERS = ("nginx", "haproxy", "haproxy-splice")
FIELDS = ("rate", "cost", "busy", "load_busy", "p50_us", "p99_us", "p999_us")


def best_peer(result: dict[str, dict[str, object]], field: str, least: bool) -> str | None:
    """The one of the peers with the best median."""
    medians = {name: value["median"] for name in PEERS
               if name in result and isinstance(value := result[name][field], dict)}
    return (min if least else max)(medians, key=lambda name: medians[name]) if medians else None


def can_be_full(scenario: Scenario) -> bool:
    """A fixed rate leaves everybody time, and one connection leaves a proxy idle between its requests."""
    return not scenario.is_paced and scenario.connections != 1


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
            **troubles(samples, target),
        }
    for field, least in (("rate", False), ("cost", True), ("p50_us", True), ("p99_us", True)):
        peer = best_peer(result, field, least)
        for target in targets:
            result[target][f"{field}_to_peer"] = ratio(samples, target, peer, field) if peer else None
            result[target][f"{field}_peer"] = peer
    for values in result.values():
        busy = values["busy"]
        values["is_the_limit"] = can_be_full(scenario) and isinstance(busy, dict) and busy["median"] >= BUSY
    return result


def troubles(samples: Sequence[Measured], target: str) -> dict[str, object]:
    """Of the runs that count: in how many the proxy was not the busy part, and what rose of each of the kernel's counters."""
    valid = [s for s in samples if s.target == target and not s.errors]
    risen = sorted({name for s in valid for name in s.kernel})
    return {"below_busy": sum(s.busy is not None and s.busy < BUSY for s in valid),
            "kernel": {name: spread([s.kernel.get(name, 0) for s in valid]) for name in risen}}


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
        found.append([target, *cells, show_runs(values)])
    return found


def table(scenario: Scenario, result: dict[str, dict[str, object]]) -> str:
    lines = "".join(f"  {note}\n" for note in notes(result, scenario))
    return f"{scenario.name}: {scenario.about}\n{align(rows(scenario, result))}\n{lines}"


def notes(result: dict[str, dict[str, object]], scenario: Scenario | None = None) -> list[str]:
    """What to keep in mind with a table, in a sentence each; without a scenario, of one that starts its targets anew."""
    is_paced = scenario is not None and scenario.is_paced
    held_up = _held_up(result) if scenario is None or can_be_full(scenario) else ""
    return [note for note in (held_up, full_load(result, is_paced), _risen(result)) if note]


def _held_up(result: dict[str, dict[str, object]]) -> str:
    """Runs in which something else held a proxy up."""
    runs = ", ".join(f"{name} {values['below_busy']} of {values['valid_runs']}"
                     for name, values in result.items() if values["below_busy"])
    return (f"Runs in which the proxy was not the busy part (below {percent(BUSY)} of its cores), so that the rate is a lower "
            f"bound: {runs}." if runs else "")


def whose_load_was_full(result: dict[str, dict[str, object]], least: float) -> list[str]:
    """Proxies with which the load was so busy in the median."""
    return [name for name, values in result.items()
            if name != "direct" and isinstance(busy := values.get("load_busy"), dict) and busy["median"] >= least]


def full_load(result: dict[str, dict[str, object]], is_paced: bool) -> str:
    least = QUEUES if is_paced else BUSY
    names = ", ".join(whose_load_was_full(result, least))
    if not names:
        return ""
    return (f"The load generator was busy {percent(least)} of the time or more, and its own queue is in the latency, with: {names}."
            if is_paced else
            f"The load generator itself was busy {percent(least)} of the time or more, and may be what the rate ends at, "
            f"with: {names}.")


def _risen(result: dict[str, dict[str, object]]) -> str:
    """Each of the kernel's counters that rose, and how much in a run."""
    counters: dict[str, list[str]] = {}
    for target, values in result.items():
        for name, rise in values["kernel"].items():
            counters.setdefault(name, []).append(f"{target} {_rise(rise)}")
    parts = "; ".join(f"{name}: {', '.join(found)}" for name, found in sorted(counters.items()))
    return f"Kernel counters that rose, in a run: {parts}." if parts else ""


def _rise(values: Spread) -> str:
    text = f"{values['median'] or values['max']:,.0f}".replace(",", " ")
    return text if values["median"] else f"up to {text}"


def percent(share: float) -> str:
    return f"{share * 100:.0f} %"
