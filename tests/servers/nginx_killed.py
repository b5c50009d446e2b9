#!/usr/bin/env python3
"""One of two nginx is killed under wrk: its own sessions are lost, no other, and it is used again once it is back."""

import subprocess
import threading
from collections.abc import Callable

import common
import killed
from peers import nginx, process, weir, wrk

CONNECTIONS = 40
CHECK = ("[pools.back.health]\ntype = \"http\"\ninterval = \"500ms\"\ntimeout = \"500ms\"\n"
         "http = { path = \"/\", body_contains = \"ok\" }\n")


def load(server: weir.Weir, seconds: float, headers: list[str]) -> wrk.Run:
    run = wrk.run(f"http://{server.host}:{server.port}/", connections=CONNECTIONS, threads=2, seconds=seconds,
                  headers=headers)
    print(f"{run.requests} requests, errors: {run.errors() or 'none'}", flush=True)
    return run


def expect_no_error(run: wrk.Run) -> None:
    common.expect(run.requests > 0 and not run.errors(), f"{run.requests} requests, errors: {run.errors()}")


def kill_under_load(server: weir.Weir, victim: subprocess.Popen[bytes], backend: str, headers: list[str],
                    ready: Callable[[], bool], most: Callable[[killed.Sessions], int]) -> None:
    """There are at most as many errors as `most` makes of the sessions that were there."""
    runs: list[wrk.Run] = []
    # It waits for wrk itself: a thread that ends takes along what it has started.
    running = threading.Thread(target=lambda: runs.append(load(server, 3, headers)))
    running.start()
    try:
        process.wait_until(ready, "the load to be there")
        there = killed.Sessions(server, backend)
        killed.kill(victim)
    finally:
        running.join()
    common.expect(len(runs) == 1 and runs[0].requests > 0, "nothing was answered")
    errors = sum(runs[0].errors().values())
    print(f"at most {most(there)} sessions were at the one that was killed, {errors} failed", flush=True)
    common.expect(errors <= most(there), f"{errors} errors, but only {most(there)} sessions were there: {runs[0].errors()}")


def test() -> None:
    given = common.arguments(__doc__).parse_args()
    process.need("wrk", "wrk")
    common.need_root_for(given.user)
    with process.Workspace() as work:
        ports = [work.free_port() for _ in range(2)]
        servers = [nginx.start_http(work, f"nginx{i}", ["127.0.0.1"], port) for i, port in enumerate(ports)]
        backends = [f"127.0.0.1:{port}" for port in ports]
        server = weir.start(work, given.weir, backends, workers="2", user=given.user, rules=CHECK)
        common.expect_user(server, given.user)

        kill_under_load(server, servers[1], backends[1], [],
                        lambda: killed.in_flight(server, backends[1]) >= CONNECTIONS // 2, killed.Sessions.count)
        killed.wait_for_state(server, backends[1], "down")
        killed.expect_told(work, "backend_down", backends[1])
        expect_no_error(load(server, 1, []))

        servers[1] = nginx.start_http(work, "nginx1", ["127.0.0.1"], ports[1])
        killed.wait_for_state(server, backends[1], "up")
        before = killed.sessions(server, backends[1])
        expect_no_error(load(server, 1, []))
        common.expect(killed.sessions(server, backends[1]) - before >= CONNECTIONS // 2,
                      "it does not get its share once it is back")

        killed.expect_no_other_lost(work, backends[0])

        # Sessions come and go too fast to be counted, but no more than CONNECTIONS are there at any time. A client that
        # was cut off may come back once more while the rest of the server is still going.
        before = killed.sessions(server, backends[0])
        kill_under_load(server, servers[0], backends[0], ["Connection: close"],
                        lambda: killed.sessions(server, backends[0]) >= before + 500, lambda _: 2 * CONNECTIONS)
        print(f"sessions closed: {killed.closed(server)}", flush=True)
        common.expect_ends_well(server)


if __name__ == "__main__":
    common.main(test)
