"""systemd-socket-proxyd: one thread, one backend, which moves bytes by splice(2) through pipes."""

import subprocess

from . import process


def start(work: process.Workspace, name: str, host: str, port: int, backend: str, *,
          where: process.Where | None = None) -> subprocess.Popen[bytes]:
    argv = [process.need("systemd-socket-activate", "systemd"), "--listen", f"{host}:{port}",
            "/lib/systemd/systemd-socket-proxyd", "--connections-max=4000", backend]
    server = work.spawn(name, argv, where=where)
    work.wait_for_port(name, server, host, port)
    return server
