"""pen, a small TCP load balancer: one thread, which takes turns over its backends (-r)."""

import subprocess

from . import process


def start(work: process.Workspace, name: str, host: str, port: int, backends: list[str], *,
          where: process.Where | None = None) -> subprocess.Popen[bytes]:
    argv = [process.need("pen", "pen"), "-f", "-r", "-x", "4000", "-b", "1", "-S", str(len(backends)),
            f"{host}:{port}", *backends]
    server = work.spawn(name, argv, where=where)
    work.wait_for_port(name, server, host, port)
    return server
