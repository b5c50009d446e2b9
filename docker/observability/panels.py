"""Asks Prometheus each question of a Grafana dashboard, as Grafana would for the last minute.

usage: panels.py DASHBOARD PROMETHEUS        e.g. panels.py /weir.json http://prometheus:9090
Prints each question that Prometheus does not understand, and last "questions N answered M with data K".
"""

import json
import pathlib
import re
import sys
import urllib.error
import urllib.parse
import urllib.request


def questions(dashboard: dict) -> list[str]:
    """What its variables stand for is everything, and its rates are of a minute."""
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    return [re.sub(r"\$\{?\w+\}?", ".*", one.replace("$__rate_interval", "1m")) for one in asked]


def ask(prometheus: str, question: str) -> list:
    with urllib.request.urlopen(f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': question})}", timeout=10) as answer:
        return json.load(answer)["data"]["result"]


def main(dashboard: str, prometheus: str) -> None:
    asked = questions(json.loads(pathlib.Path(dashboard).read_text(encoding="utf-8")))
    answered, with_data = 0, 0
    for question in asked:
        try:
            found = ask(prometheus, question)
        except urllib.error.HTTPError as error:
            print(f"{question}: {error.read().decode()}")
            continue
        answered += 1
        with_data += bool(found)
    print(f"questions {len(asked)} answered {answered} with data {with_data}")


if __name__ == "__main__":
    main(*sys.argv[1:])
