"""HAProxy as a TCP proxy with one thread and its default way of relaying."""

import subprocess

from . import process

_CONFIG = """\
global
    nbthread 1
    maxconn 4000
defaults
    mode tcp
    timeout connect 3s
    timeout client 10m
    timeout server 10m
frontend front
    bind {host}:{port}
    default_backend back
backend back
    balance roundrobin
{servers}
"""


def start(work: process.Workspace, name: str, host: str, port: int, backends: list[str]) -> subprocess.Popen[bytes]:
    servers = "\n".join(f"    server s{i} {backend}" for i, backend in enumerate(backends))
    path = work.write(f"{name}.cfg", _CONFIG.format(host=host, port=port, servers=servers))
    server = work.spawn(name, [process.need("haproxy", "haproxy"), "-db", "-q", "-f", str(path)])
    work.wait_for_port(name, server, host, port)
    return server
