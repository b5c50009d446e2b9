#!/usr/bin/env python3
"""Three nginx behind Weir under wrk: not one socket error, and an even spread over the three."""

import os
import pathlib
import pwd

import common
from peers import nginx, process, weir, wrk

SECONDS = 3
BODY_BYTES = 1 << 20


def start_backends(work: process.Workspace, count: int) -> list[str]:
    ports = [work.free_port() for _ in range(count)]
    for number, port in enumerate(ports):
        nginx.start_http(work, f"nginx{number}", ["127.0.0.1"], port)
    (work.path / "www" / "body").write_bytes(os.urandom(BODY_BYTES))
    return [f"127.0.0.1:{port}" for port in ports]


def load(server: weir.Weir, what: str, path: str, headers: list[str]) -> None:
    run = wrk.run(f"http://{server.host}:{server.port}{path}", connections=48, threads=2, seconds=SECONDS,
                  headers=headers)
    print(f"{what}: {run.requests} requests, {run.bytes} bytes, errors: {run.errors() or 'none'}", flush=True)
    common.expect(run.requests > 0, f"{what}: nothing was answered")
    common.expect(not run.errors(), f"{what}: {run.errors()}")


def check_user(pid: int, user: str) -> None:
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    owners = next(line.split()[1:] for line in status.splitlines() if line.startswith("Uid:"))
    common.expect(set(owners) == {str(pwd.getpwnam(user).pw_uid)}, f"Weir does not run as {user}: uids {owners}")


def test() -> None:
    parser = common.arguments(__doc__)
    parser.add_argument("--user", default="", help="the user for Weir to become; needs root")
    given = parser.parse_args()
    process.need("wrk", "wrk")
    process.need("nginx", "nginx")
    if given.user and os.geteuid() != 0:
        process.skip("only root can start Weir with `user` set")
    with process.Workspace() as work:
        server = weir.start(work, given.weir, start_backends(work, 3), workers="2", user=given.user)
        if given.user:
            check_user(server.process.pid, given.user)
        load(server, "connections that stay", "/", [])
        load(server, "a connection for each request", "/", ["Connection: close"])
        load(server, "bodies of 1 MiB", "/body", [])
        print(f"sessions of each backend: {common.expect_even_spread(server, 3)}", flush=True)
        common.expect_ends_well(server)


if __name__ == "__main__":
    common.main(test)
