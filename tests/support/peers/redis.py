"""Redis without its files, and its client for one command."""

import subprocess

from . import process


def start(work: process.Workspace, name: str = "redis", port: int | None = None) -> tuple[subprocess.Popen[bytes], int]:
    """On `port`, or on one that is free."""
    port = port or work.free_port()
    program = process.need("redis-server", "redis-server")
    server = work.spawn(name, [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                               "--dir", str(work.path)])
    work.wait_for_port(name, server, "127.0.0.1", port)
    return server, port


def command(port: int, *words: str) -> str:
    argv = ["redis-cli", "-h", "127.0.0.1", "-p", str(port), *words]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
