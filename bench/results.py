"""A result's file: what was measured where, every raw sample, and the medians made of them."""

import dataclasses
import json
import pathlib

import fresh
import measure
import scenarios
import summary


def write(path: pathlib.Path, document: dict[str, object]) -> None:
    """As JSON, a sample a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = json.dumps({key: value for key, value in document.items() if key != "scenarios"}, indent=1)
    named = ",\n".join(f"{json.dumps(name)}: {_scenario(value)}" for name, value in document["scenarios"].items())
    path.write_text(f'{head[:-2]},\n "scenarios": {{\n{named}\n}}}}\n', encoding="utf-8")


def _scenario(value: dict[str, object]) -> str:
    plain = {key: one for key, one in value.items() if key not in ("medians", "samples")}
    head = "".join(f"{json.dumps(key)}: {json.dumps(one)}, " for key, one in plain.items())
    lines = [f'{head}"medians": {{']
    lines.append(",\n".join(f"  {json.dumps(target)}: {json.dumps(medians)}" for target, medians in value["medians"].items()))
    lines.append('}, "samples": [')
    lines.append(",\n".join(f"  {json.dumps(sample)}" for sample in value["samples"]))
    return "{" + "\n".join(lines) + "]}"


def read(path: pathlib.Path) -> dict[str, object]:
    return json.loads(path.read_text(encoding="utf-8"))


def usual(samples: list[measure.Sample], scenario: scenarios.Scenario, names: list[str],
          per_second: float | None) -> dict[str, object]:
    """`per_second` is the rate that was chosen for it, where its rate is a share."""
    return {"about": scenario.about, "unit": "GB" if scenario.per_byte else "requests",
            **({"per_second": per_second} if per_second is not None else {}),
            "medians": summary.summarise(scenario, samples, names), "samples": [dataclasses.asdict(one) for one in samples]}


def of_fresh(samples: list[fresh.Sample], scenario: fresh.Scenario, names: list[str]) -> dict[str, object]:
    return {"about": scenario.about, "unit": "process", "medians": fresh.summarise(samples, names),
            "samples": [dataclasses.asdict(one) for one in samples]}


def medians(result: dict[str, object], name: str) -> dict[str, dict[str, object]]:
    """Made anew from the raw samples of a scenario."""
    value = result["scenarios"][name]
    targets = list(value["medians"])
    if name in fresh.ALL:
        return fresh.summarise([fresh.Sample(**one) for one in value["samples"]], targets)
    return summary.summarise(scenarios.ALL[name], [measure.Sample(**one) for one in value["samples"]], targets)
