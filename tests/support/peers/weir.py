"""Weir in front of some backends, with its admin door, and what its metrics say."""

import dataclasses
import json
import pathlib
import re
import subprocess
import urllib.request
from collections.abc import Sequence

from . import process

_CONFIG = """\
[process]
workers = {workers}
user = "{user}"

[log]
level = "warning"
sessions = "{sessions}"

[admin]
bind = "127.0.0.1:{admin_port}"

[listeners.front]
bind = "{host}:{port}"
pool = "back"

[pools.back]
backends = {backends}

{rules}
"""


@dataclasses.dataclass
class Weir:
    """A running Weir."""

    process: subprocess.Popen[bytes]
    host: str
    port: int
    admin_port: int

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=10) as answer:
            return answer.read().decode("utf-8")

    def values(self, metric: str, label: str) -> dict[str, float]:
        """The metric's values by one of its labels."""
        pattern = re.compile(rf'^{metric}\{{[^}}]*\b{label}="([^"]*)"[^}}]*\}} (\S+)$', re.MULTILINE)
        found: dict[str, float] = {}
        for key, value in pattern.findall(self.metrics()):
            found[key] = found.get(key, 0.0) + float(value)
        return found


def start(work: process.Workspace, binary: str, backends: list[str], *, name: str = "weir", host: str = "127.0.0.1",
          workers: str = "1", sessions: str = "errors", user: str = "", rules: str = "", more_ports: Sequence[int] = (),
          where: process.Where | None = None) -> Weir:
    """Weir with everything else as by default.

    `workers` is a number or a word, as in the file but without quotes; `rules` is more of the file, e.g. the table
    [listeners.front.limits]; each of `more_ports` has a listener of its own.
    """
    path = pathlib.Path(binary).resolve()  # the workspace is another folder
    if not path.is_file():
        raise process.Failure(f"{binary} is not there: build it first")
    port, admin_port = work.free_port(host), work.free_port()
    rules += "".join(f'[listeners.l{one}]\nbind = "{host}:{one}"\npool = "back"\n' for one in more_ports)
    text = _CONFIG.format(workers=workers if workers.isdigit() else f'"{workers}"', user=user, sessions=sessions,
                          admin_port=admin_port, host=host, port=port, backends=json.dumps(backends), rules=rules)
    server = work.spawn(name, [str(path), "run", str(work.write(f"{name}.toml", text))], where=where)
    work.wait_for_port(name, server, host, port)
    return Weir(server, host, port, admin_port)
