#!/usr/bin/env python3
"""Whether docs/metrics.md has each metric of the sources and no other, and whether the dashboard and the alert rules in
docker/ ask for nothing that is not on that page: no metric, no label. tests/process/metrics_test.cc holds the page to a
running Weir; tests/servers/metrics.py has promtool read the expressions.

usage: metrics_names_test.py ROOT    checks a tree; prints what is wrong and exits 1 when anything is
       metrics_names_test.py --self  checks this checker
"""

import json
import pathlib
import re
import sys
from collections.abc import Iterator

NAME = r"(?:weir|process)_[a-z_]*[a-z]"
ROW = re.compile(rf"^\| `({NAME})` \| (counter|gauge|histogram) \| ([^|]*)\|", re.MULTILINE)
OF_SOURCE = re.compile(rf'"({NAME})"')
TEXT = re.compile(r'"[^"]*"')
SELECTOR = re.compile(rf"({NAME})\{{([^}}]*)\}}")
MATCHER = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)")
GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
LEGEND = re.compile(r"\{\{\s*(?:\$labels\.)?([a-z_]+)\s*\}\}")
VARIABLE = re.compile(r"\$\{?([a-zA-Z_]+)\}?")
OF_PROMETHEUS = {"job", "instance"}
OF_GRAFANA = {"__rate_interval", "__all"}
RULE = re.compile(r"^ *- alert: (\w+)$", re.MULTILINE)

Families = dict[str, tuple[str, set[str]]]  # by name: type and labels


def families_of(page: str) -> Families:
    return {name: (kind, set(re.findall(r"`([a-z]+)`", labels))) for name, kind, labels in ROW.findall(page)}


def family_of(name: str, families: Families) -> tuple[str, set[str]] | None:
    """That of a sample's name."""
    base, _, suffix = name.rpartition("_")
    if suffix in ("bucket", "sum", "count") and families.get(base, ("", set()))[0] == "histogram":
        kind, labels = families[base]
        return kind, labels | {"le"} if suffix == "bucket" else labels
    found = families.get(name)
    # A histogram has no sample of its own name.
    return None if found is None or found[0] == "histogram" else found


def problems_of(expression: str, families: Families) -> Iterator[str]:
    """What is wrong with an expression of PromQL, as far as names go."""
    used: set[str] = set()
    bare = TEXT.sub('""', expression)
    for name in re.findall(rf"\b{NAME}\b", bare):
        family = family_of(name, families)
        if family is None:
            yield f"there is no {name}"
            continue
        used |= family[1]
    for name, matchers in SELECTOR.findall(bare):
        family = family_of(name, families)
        allowed = OF_PROMETHEUS | (family[1] if family else set())
        yield from (f"{name} has no label {label}" for label in MATCHER.findall(matchers) if label not in allowed)
    for labels in GROUPING.findall(bare):
        yield from (f"nothing here has a label {label}" for label in re.split(r"[,\s]+", labels.strip())
                    if label and label not in used | OF_PROMETHEUS)


def labels_of(expression: str, families: Families) -> set[str]:
    """All that a result of the expression may have."""
    found = (family_of(name, families) for name in re.findall(rf"\b{NAME}\b", TEXT.sub('""', expression)))
    return OF_PROMETHEUS.union(*(family[1] for family in found if family))


def problems_of_legend(legend: str, expression: str, families: Families) -> Iterator[str]:
    labels = labels_of(expression, families)
    for grouping in re.findall(r"\bby\s*\(([^)]*)\)", expression):
        # What is left after it; several are the two sides of a division, which have the same.
        labels &= set(re.split(r"[,\s]+", grouping.strip()))
    yield from (f"the legend has {label}, the expression has not" for label in LEGEND.findall(legend)
                if label not in labels)


def problems_of_dashboard(text: str, families: Families) -> Iterator[str]:
    dashboard = json.loads(text)
    variables = {one["name"] for one in dashboard["templating"]["list"]} | OF_GRAFANA
    panels = dashboard["panels"]
    ids = [panel["id"] for panel in panels]
    if len(set(ids)) != len(ids):
        yield "two panels have the same id"
    for panel in panels:
        title = panel["title"]
        if panel["type"] != "row" and not panel.get("targets"):
            yield f"{title}: it asks for nothing"
        place = panel["gridPos"]
        if place["x"] + place["w"] > 24:
            yield f"{title}: it is beyond the right edge"
        for target in panel.get("targets", []):
            expression = target["expr"]
            found = [*problems_of(expression, families),
                     *problems_of_legend(target.get("legendFormat", ""), expression, families)]
            yield from (f"{title}: {what}" for what in found)
            yield from (f"{title}: there is no variable {name}" for name in VARIABLE.findall(expression)
                        if name not in variables)
    for one in dashboard["templating"]["list"]:
        if one["type"] == "query":
            query = re.fullmatch(r"label_values\((.*), ([a-z]+)\)", one["definition"])
            if query is None:
                yield f"variable {one['name']}: not a list of a label's values"
                continue
            yield from (f"variable {one['name']}: {what}" for what in problems_of(query.group(1), families))
            if query.group(2) not in labels_of(query.group(1), families):
                yield f"variable {one['name']}: nothing has a label {query.group(2)}"


def expressions_of_rules(text: str) -> list[tuple[str, str, str]]:
    """Name, expression and the rest of each rule; of the YAML only what is written there."""
    rules = []
    parts = RULE.split(text)
    for name, body in zip(parts[1::2], parts[2::2]):
        found = re.search(r"^( +)expr: (?:>-\n)?((?:.*\n)(?:\1 {2,}.*\n)*)", body, re.MULTILINE)
        if found is None:
            raise ValueError(f"{name} has no expression")
        rules.append((name, " ".join(found.group(2).split()), body[found.end():]))
    return rules


def problems_of_rules(text: str, tests: str, families: Families) -> Iterator[str]:
    for name, expression, rest in expressions_of_rules(text):
        # `up` is Prometheus' own.
        yield from (f"{name}: {what}" for what in problems_of(expression, families))
        known = labels_of(expression, families)
        yield from (f"{name}: its words have {label}, its expression has not" for label in LEGEND.findall(rest)
                    if label not in known)
        if not re.search(rf'\b{name}"', tests):
            yield f"{name}: alerts_test.yml does not try it"


def check(root: pathlib.Path) -> list[str]:
    families = families_of((root / "docs/metrics.md").read_text(encoding="utf-8"))
    sources = set(OF_SOURCE.findall("".join(path.read_text(encoding="utf-8")
                                            for path in (root / "src/admin").glob("*views.cc"))))
    found = [f"docs/metrics.md: {name} is not there" for name in sorted(sources - families.keys())]
    found += [f"docs/metrics.md: there is no {name}" for name in sorted(families.keys() - sources)]
    docker = root / "docker"
    found += [f"docker/grafana/weir.json: {what}" for what in
              problems_of_dashboard((docker / "grafana/weir.json").read_text(encoding="utf-8"), families)]
    rules = (docker / "prometheus/alerts.yml").read_text(encoding="utf-8")
    tests = (docker / "prometheus/alerts_test.yml").read_text(encoding="utf-8")
    found += [f"docker/prometheus/alerts.yml: {what}" for what in problems_of_rules(rules, tests, families)]
    return found


def check_itself() -> list[str]:
    """Whether mistakes would be found."""
    families = families_of("| `weir_a_total` | counter | `pool`, `reason` | a |\n| `weir_b_seconds` | histogram | `pool` | b |\n"
                           "| `weir_c` | gauge | | c |\n")
    expected = {
        'sum by (pool) (rate(weir_a_total{pool=~"$pool",reason!="weir_x"}[5m])) / on (job) weir_c': [],
        "histogram_quantile(0.9, sum by (le, pool) (rate(weir_b_seconds_bucket[5m])))": [],
        "weir_bad_total + process_bad": ["there is no weir_bad_total", "there is no process_bad"],
        "weir_b_seconds": ["there is no weir_b_seconds"],
        "weir_a_total_sum": ["there is no weir_a_total_sum"],
        'weir_a_total{worker="1"}': ["weir_a_total has no label worker"],
        "sum by (le) (weir_b_seconds_sum)": ["nothing here has a label le"],
    }
    wrong = []
    for expression, problems in expected.items():
        found = list(problems_of(expression, families))
        if found != problems:
            wrong.append(f"{expression}: found {found} and not {problems}")
    if list(problems_of_legend("{{pool}} {{reason}}", "sum by (pool) (weir_a_total)", families)) != [
            "the legend has reason, the expression has not"]:
        wrong.append("a legend without its label is not found")
    rules = ("  - alert: A\n    expr: weir_c > 1\n    annotations:\n      summary: \"{{ $labels.pool }}\"\n"
             "  - alert: B\n    expr: >-\n      weir_c\n      > weir_d\n    for: 1m\n")
    if list(problems_of_rules(rules, 'alertname="A"', families)) != [
            "A: its words have pool, its expression has not", "B: there is no weir_d", "B: alerts_test.yml does not try it"]:
        wrong.append(f"rules are not read: {list(problems_of_rules(rules, '', families))}")
    panel = {"id": 1, "type": "stat", "title": "P", "gridPos": {"x": 20, "w": 8},
             "targets": [{"expr": 'weir_c{instance="$instance"}', "legendFormat": ""}]}
    found = list(problems_of_dashboard(json.dumps({"templating": {"list": []}, "panels": [panel, panel]}), families))
    if found != ["two panels have the same id"] + ["P: it is beyond the right edge", "P: there is no variable instance"] * 2:
        wrong.append(f"a dashboard is not read: {found}")
    return wrong


def main() -> int:
    found = check_itself() if sys.argv[1] == "--self" else check(pathlib.Path(sys.argv[1]))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
