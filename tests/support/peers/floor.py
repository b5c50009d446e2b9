"""bench/floor: the least that a proxy in user space can cost."""

import pathlib
import subprocess

from . import process


def start(work: process.Workspace, name: str, binary: str, host: str, port: int, backends: list[str], *,
          workers: int = 1, where: process.Where | None = None) -> subprocess.Popen[bytes]:
    path = pathlib.Path(binary).resolve()
    if not path.is_file():
        raise process.Failure(f"{binary} is not there: build the target floor first")
    server = work.spawn(name, [str(path), str(workers), f"{host}:{port}", *backends], where=where)
    work.wait_for_port(name, server, host, port)
    return server
