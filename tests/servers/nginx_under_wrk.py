#!/usr/bin/env python3
"""Three nginx behind Weir under wrk: not one socket error, and an even spread over the three."""

import os

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


def test() -> None:
    given = common.arguments(__doc__).parse_args()
    process.need("wrk", "wrk")
    process.need("nginx", "nginx")
    common.need_root_for(given.user)
    with process.Workspace() as work:
        server = weir.start(work, given.weir, start_backends(work, 3), workers="2", user=given.user)
        common.expect_user(server, given.user)
        load(server, "connections that stay", "/", [])
        load(server, "a connection for each request", "/", ["Connection: close"])
        load(server, "bodies of 1 MiB", "/body", [])
        print(f"sessions of each backend: {common.expect_even_spread(server, 3)}", flush=True)
        common.expect_ends_well(server)


if __name__ == "__main__":
    common.main(test)
