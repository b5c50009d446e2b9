"""The kinds of tables that are made from results, each as the text of a document."""

import re
from collections.abc import Callable

import figures
import fresh
import machine
import results
import scenarios
import summary

SHORT = {
    "keepalive": "tiny requests, 64 connections that stay",
    "keepalive-1000": "tiny requests, 1 000 connections that stay",
    "connections": "a connection for each request",
    "connections-32": "a connection for each request, from 32 addresses",
    "bulk": "16 MiB bodies",
    "bulk-64k": "64 KiB bodies",
    "mixed": "all of that at once, at fixed rates",
}
SHOWN = {"nginx": "nginx", "haproxy": "HAProxy", "haproxy-splice": "HAProxy, splice", "weir": "Weir"}

# Whose versions a result states: the name in its machine part, and what a reader calls it.
VERSIONS = {"nginx": ("nginx", "nginx"), "haproxy": ("haproxy", "HAProxy"), "haproxy-splice": ("haproxy", "HAProxy"),
            "pen": ("pen", "pen"), "socket-proxyd": ("systemd", "systemd-socket-proxyd")}

# Scenarios at a fixed rate, and what part of the slowest one's rate that is.
LATENCIES = {"latency": "half", "latency-quarter": "a quarter"}

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
    box, workers = result["machine"], _workers(result)
    place = "across network namespaces" if result["network"] == "namespaces" else "on loopback"
    parts = [f"{box['cpu']} with {box['cores']} cores", f"Linux {machine.upstream(box['kernel'])}",
             f"Weir at commit {box['commit']}", *versions(result)]
    return (f"{workers[0].upper()}{workers[1:]} each, {place}; {', '.join(parts)}; medians of {result['rounds']} rounds of "
            f"{result['seconds']} s, in turn.\n\n")


def versions(result: dict[str, object]) -> list[str]:
    """Of what was measured, where they are known."""
    measured = {target for scenario in result["scenarios"].values() for target in scenario["medians"]}
    known = {title: result["machine"]["versions"][name] for target, (name, title) in VERSIONS.items() if target in measured}
    return [f"{title} {machine.upstream(version)}" for title, version in known.items() if version[0].isdigit()]


def rates(result: dict[str, object]) -> str:
    """What each does, and Weir's ratio to the best of the others."""
    names = [name for name in SHOWN if all(name in one["medians"] for one in result["scenarios"].values())]
    rows: Table = [["", *(SHOWN[name] for name in names), "Weir to the best of them: rate", "CPU"]]
    full: list[str] = []
    for name in (one for one in SHORT if one in result["scenarios"]):
        scenario, made = scenarios.ALL[name], results.medians(result, name)
        cells = []
        for target in names:
            cost = _show(_median(made[target], "cost"), lambda v, s=scenario: _cost(s, v))
            rate = _show(_median(made[target], "rate"), lambda v, s=scenario: _rate(s, v))
            least = "" if made[target]["is_the_limit"] or rate == "-" else LEAST
            cells.append(cost if scenario.is_paced else f"{least}{rate}, {cost}")
        rate = "-" if scenario.is_paced else _of_one(made["weir"]["rate_to_peer"])
        rows.append([SHORT[name], *cells, rate, _of_one(made["weir"]["cost_to_peer"])])
        with_full_load = [_in_a_row(target) for target in summary.whose_load_was_full(made, summary.BUSY) if target in names]
        if with_full_load and not scenario.is_paced:
            full.append(f"{SHORT[name]} ({', '.join(with_full_load)})")
    return where(result) + markdown(rows) + _about_rates(rows, full)


def _in_a_row(target: str) -> str:
    """Its name among others, with commas in between."""
    return SHOWN[target].replace(",", " with")


def _about_rates(rows: Table, full: list[str]) -> str:
    share = summary.percent(summary.BUSY)
    lines = [f"{LEAST.strip()}: below {share} busy in the median: something else held the load up, the proxy can do more."
             ] if any(LEAST in cell for row in rows for cell in row) else []
    lines += [f"Here the load generator itself was busy {share} of the time or more, and may be what the rate ends at: "
              f"{'; '.join(full)}."] if full else []
    return "".join(f"\n{line}\n" for line in lines)


def _of_one(values: figures.Spread | None) -> str:
    """Bold where no round was on the other side of 1."""
    text = _spread(values)
    is_sure = values is not None and (values["min"] > 1 or values["max"] < 1)
    return re.sub(r"^[\d.]+", r"**\g<0>**", text) if is_sure else text


def waits(result: dict[str, object], starts: dict[str, object]) -> str:
    """Latency; memory and starts from `starts`."""
    rows: Table = [["", *SHOWN.values()]]

    def row(title: str, scenario: str, form: Callable[[dict[str, object]], str]) -> None:
        source = starts if scenario in fresh.ALL else result
        made = results.medians(source, scenario)
        rows.append([title, *(form(made[name]) if name in made else "-" for name in SHOWN)])

    for name, part in _latencies(result):
        row(f"latency at {part} of the slowest one's rate: p50, p99", name,
            lambda v: f"{_show(_median(v, 'p50_us'), '{:.0f}'.format)}, {_show(_median(v, 'p99_us'), '{:.0f}'.format)} us")
    row(f"memory of an idle connection, {_workers(starts)}", "idle",
        lambda v: _show(_median(v, "each"), "{:,.0f} bytes".format))
    row("CPU of 9 000 that are idle", "idle", lambda v: _show(_median(v, "idle_cpu"), lambda x: f"{x:.2%} of a core"))
    row("start with 10 000 backends", "backends-10000",
        lambda v: f"{_show(_median(v, 'start'), lambda x: f'{x * 1e3:.0f}')} ms, "
                  f"{_show(_median(v, 'memory'), lambda x: f'{x / 1e6:.0f}')} MB")
    row("CPU for a connection to one of 10 000 backends", "backends-10000",
        lambda v: _show(_median(v, "cost"), "{:.1f} us".format))
    row("start with 1 000 listeners", "listeners-1000",
        lambda v: _show(_median(v, "start"), lambda x: f"{x * 1e3:.0f} ms"))
    about = ""
    for name, part in _latencies(result):
        load = summary.full_load({_in_a_row(target): values for target, values in results.medians(result, name).items()
                                  if target in SHOWN}, is_paced=True)
        about += f"Latency at {part}: {load[0].lower()}{load[1:]}\n\n" if load else ""
    return f"{markdown(rows)}\n{about}{_about_starts(starts, result)}"


def _workers(result: dict[str, object]) -> str:
    return "one worker" if result["workers"] == 1 else f"{result['workers']} workers"


def _about_starts(starts: dict[str, object], beside: dict[str, object]) -> str:
    return (f"Memory, starts, idle and slow connections: medians of {starts['rounds']} rounds, a new process for each"
            f"{_of_another(starts, beside)}.\n")


def _of_another(result: dict[str, object], beside: dict[str, object]) -> str:
    """Its commit, where that is not the one of the result beside which it stands."""
    commit = result["machine"]["commit"]
    return "" if commit == beside["machine"]["commit"] else f", Weir at commit {commit}"


def whole(result: dict[str, object]) -> str:
    """Every scenario with all of its targets."""
    parts = [where(result)]
    for name, value in result["scenarios"].items():
        made, scenario = results.medians(result, name), scenarios.ALL.get(name)
        rows = summary.rows(scenario, made) if scenario else fresh.rows(made)
        parts.append(f"`{name}`: {value['about']}\n\n{markdown(rows)}\n")
        parts += [f"{note}\n\n" for note in summary.notes(made, scenario)]
    return "".join(parts)


def _ratio(result: dict[str, object], name: str, field: str, base: str) -> str:
    """Weir's to another target's."""
    return _spread(figures.ratio(results.samples(result, name), "weir", base, field))


def _latencies(result: dict[str, object]) -> list[tuple[str, str]]:
    return [(name, part) for name, part in LATENCIES.items() if name in result["scenarios"]]


def _added(result: dict[str, object], name: str, field: str) -> str:
    """Weir's latency over that without a proxy, to the same of the best other one."""
    peer = summary.best_peer(results.medians(result, name), field, least=True)
    return _spread(figures.added(results.samples(result, name), "weir", peer, field, without="direct"))


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
        *([f"latency that is added at {part} of the slowest one's rate, to the better one: p50, p99", "1.00, 1.00",
           f"{_added(result, name, 'p50_us')}, {_added(result, name, 'p99_us')}"] for name, part in _latencies(result)),
        [f"an idle connection, {_workers(starts)}", "768 bytes", f"{fresh_one('idle', 'each', '{:.0f}')} bytes"],
        ["CPU of 9 000 idle connections", "none", f"{fresh_one('idle', 'idle_cpu', '{:.2f}', 100)} %"],
        ["wakes a second of 9 000 idle connections", "none", fresh_one("idle", "idle_wakes", "{:.1f}")],
        ["two workers: CPU to that of one: 64 connections, a connection for each request", "1.05 each",
         ", ".join(_ratio(two, name, "cost", "weir-one") for name in ("keepalive", "connections"))],
        ["the same at a fixed rate, at which both are half idle", "-", _ratio(two, "latency", "cost", "weir-one")],
        ["start with 1 000 and 10 000 backends", "- and 200 ms",
         " and ".join(fresh_one(f"backends-{count}", "start", "{:.0f}", 1e3) for count in (1_000, 10_000)) + " ms"],
        ["memory with 1 000 and 10 000 backends", "linear",
         " and ".join(fresh_one(f"backends-{count}", "memory", "{:.1f}", 1e-6) for count in (1_000, 10_000)) + " MB"],
        ["CPU for a connection to one of 10, 1 000, 10 000 backends, to the floor's", "no worse than linear",
         ", ".join(_ratio(starts, f"backends-{count}", "cost", "floor") for count in (10, 1_000, 10_000))],
    ]
    return (f"{where(result)}{markdown(rows)}\n{_about_starts(starts, result)}"
            f"Two workers: medians of {two['rounds']} rounds of {two['seconds']} s{_of_another(two, result)}.\n")


ALL: dict[str, Callable[..., str]] = {"rates": rates, "waits": waits, "aims": aims, "whole": whole}
