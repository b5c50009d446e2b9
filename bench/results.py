"""A result's file: what was measured where, every raw sample, and the medians made of them."""

import dataclasses
import json
import pathlib
import sys
from typing import NoReturn

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


def read_given(path: str) -> dict[str, object]:
    """Of a file that the command line names; without a result in it that is the end of the program."""
    try:
        document = read(pathlib.Path(path))
    except OSError as error:
        _end(f"{path}: {error.strerror}")
    except ValueError as error:
        _end(f"{path} is no JSON: {error}")
    if not isinstance(document, dict) or not {"machine", "rounds", "workers", "scenarios"} <= document.keys():
        _end(f"{path} is no result of bench/run.sh")
    return document


def _end(what: str) -> NoReturn:
    print(f"{pathlib.Path(sys.argv[0]).name}: {what}", file=sys.stderr)
    sys.exit(2)


def usual(samples: list[measure.Sample], scenario: scenarios.Scenario, names: list[str],
          per_second: float | None) -> dict[str, object]:
    """`per_second` is the rate that was chosen for it, where its rate is a share."""
    return {"about": scenario.about, "unit": "GB" if scenario.per_byte else "requests",
            **({"per_second": per_second} if per_second is not None else {}),
            "medians": summary.summarise(scenario, samples, names), "samples": [dataclasses.asdict(one) for one in samples]}


def of_fresh(samples: list[fresh.Sample], scenario: fresh.Scenario, names: list[str]) -> dict[str, object]:
    return {"about": scenario.about, "unit": "process", "medians": _summary_of_fresh(samples, names),
            "samples": [dataclasses.asdict(one) for one in samples]}


def _summary_of_fresh(samples: list[fresh.Sample], names: list[str]) -> dict[str, dict[str, object]]:
    return {name: values | summary.troubles(samples, name) for name, values in fresh.summarise(samples, names).items()}


def samples(result: dict[str, object], name: str) -> list[measure.Sample] | list[fresh.Sample]:
    """The raw samples of a scenario, without what is measured no more."""
    kind = fresh.Sample if name in fresh.ALL else measure.Sample
    known = {field.name for field in dataclasses.fields(kind)}
    return [kind(**{field: value for field, value in one.items() if field in known})
            for one in result["scenarios"][name]["samples"]]


def medians(result: dict[str, object], name: str) -> dict[str, dict[str, object]]:
    """Made anew from the raw samples of a scenario."""
    targets = list(result["scenarios"][name]["medians"])
    found = samples(result, name)
    return _summary_of_fresh(found, targets) if name in fresh.ALL else summary.summarise(scenarios.ALL[name], found, targets)
