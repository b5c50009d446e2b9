"""HAProxy as a TCP proxy with its default way of relaying, and what it counts."""

import csv
import socket
import subprocess
import time
from collections.abc import Sequence

from . import process

_CONFIG = """\
global
    nbthread {threads}
    maxconn {maxconn}
    maxpipes 500
    stats socket {socket} level user
defaults
    mode {mode}
{splice}    timeout connect 3s
    timeout client 10m
    timeout server 10m
frontend front
    bind {host}:{port}{bind_options}
{binds}
{rules}
    default_backend back
backend back
    balance roundrobin
{servers}
"""


# Splices always: with "splice-auto" HAProxy 2.6 was not seen to splice 16 MiB bodies at all.
_SPLICE = "    option splice-request\n    option splice-response\n"


def start(work: process.Workspace, name: str, host: str, port: int, backends: list[str], *, threads: int = 1,
          rules: Sequence[str] = (), bind_options: str = "", mode: str = "tcp", log_format: str = "", splice: bool = False,
          more_ports: Sequence[int] = (), where: process.Where | None = None) -> subprocess.Popen[bytes]:
    """`rules` are lines for the frontend; it listens on `more_ports` too. `bind_options` are words behind its address.
    With a `log_format` its sessions, or in the mode "http" its requests, are lines of NAME.log."""
    if log_format:
        rules = ["log stdout format raw local0", f'log-format "{log_format}"', *rules]
    # It refuses to start where descriptors for all of these are not to be had: two each, and two for each pipe, and its
    # listeners.
    text = _CONFIG.format(threads=threads, mode=mode, maxconn=9200 - len(more_ports), splice=_SPLICE if splice else "",
                          socket=_socket(work, name), host=host, port=port,
                          bind_options=f" {bind_options}" if bind_options else "",
                          binds="\n".join(f"    bind {host}:{one}" for one in more_ports),
                          rules="\n".join(f"    {rule}" for rule in rules),
                          servers="\n".join(f"    server s{i} {backend}" for i, backend in enumerate(backends)))
    path = work.write(f"{name}.cfg", text)
    # What is to be quiet logs nothing to stdout either.
    quiet = [] if log_format else ["-q"]
    server = work.spawn(name, [process.need("haproxy", "haproxy"), "-db", *quiet, "-f", str(path)], where=where)
    work.wait_for_port(name, server, host, port)
    return server


def counters(work: process.Workspace, name: str) -> dict[str, int]:
    """What the frontend counted, by HAProxy's names: `stot` sessions, `scur` those open, `dcon` denied connections."""
    row = statistics(work, name, "FRONTEND")
    return {key: int(value) for key, value in row.items() if value and value.isdigit()}


def statistics(work: process.Workspace, name: str, row_name: str) -> dict[str, str]:
    """A row of its statistics: of the frontend (FRONTEND), or of a server (s0 is the first)."""
    with _open_door(work, name) as door:
        door.sendall(b"show stat\n")
        text = b"".join(iter(lambda: door.recv(65536), b"")).decode("ascii")
    for row in csv.DictReader(text.removeprefix("# ").splitlines()):
        if row["svname"] == row_name:
            return row
    raise process.Failure(f"{name} has no {row_name} in its statistics: {text[:200]}")


def _open_door(work: process.Workspace, name: str) -> socket.socket:
    """Its statistics' socket, which at the limit of sessions refuses for a while."""
    deadline = time.monotonic() + 10
    while True:
        door = socket.socket(socket.AF_UNIX)
        door.settimeout(10)
        try:
            door.connect(_socket(work, name))
            return door
        except (ConnectionRefusedError, BlockingIOError) as error:
            door.close()
            if time.monotonic() > deadline:
                raise process.Failure(f"{name} refuses to tell its statistics: {error}") from error
            time.sleep(0.05)


def _socket(work: process.Workspace, name: str) -> str:
    return str(work.path / f"{name}.sock")
