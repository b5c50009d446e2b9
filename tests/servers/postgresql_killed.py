#!/usr/bin/env python3
"""One of two PostgreSQL is killed under pgbench: only the clients that were there are aborted, and it is used again once
it is back."""

import os
import re
import subprocess

import common
import killed
from peers import postgresql, process, weir

CLIENTS = 16
# The answer to a login is about 500 bytes.
LOGIN_BYTES = 2000
# An SSLRequest; "N" says that the server speaks, and wants no TLS.
CHECK = ("[pools.back.health]\ntype = \"exchange\"\ninterval = \"500ms\"\ntimeout = \"500ms\"\n"
         "exchange = { send = \"00 00 00 08 04 d2 16 2f\", expect = \"4e\", hex = true }\n")
NO_TLS = {**os.environ, "PGSSLMODE": "disable"}


def pgbench(port: int, *options: str) -> list[str]:
    return process.with_parent(["pgbench", "-h", "127.0.0.1", "-p", str(port), "-U", postgresql.USER, "-n", *options,
                                "postgres"])


def reads(server: weir.Weir, seconds: int) -> list[str]:
    return pgbench(server.port, "-S", "-c", str(CLIENTS), "-j", "2", "-T", str(seconds))


def expect_no_failure(argv: list[str]) -> None:
    output = postgresql.run(argv, NO_TLS)
    done = re.search(r"number of transactions actually processed: (\d+)", output)
    common.expect(done is not None and int(done.group(1)) > 0, f"nothing was read: {output}")


def kill_under_load(server: weir.Weir, victim: postgresql.Cluster, backend: str) -> None:
    load = subprocess.Popen(reads(server, 4), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=NO_TLS,
                            start_new_session=True)
    try:
        # A client that cannot even log in ends pgbench: all have, once bytes flow that no login takes.
        answered = killed.download_bytes(server, backend)
        process.wait_until(lambda: killed.in_flight(server, backend) >= CLIENTS // 2
                           and killed.download_bytes(server, backend) - answered > CLIENTS * LOGIN_BYTES,
                           "the load to be there")
        there = killed.Sessions(server, backend)
        killed.kill(victim.server)
        output, _ = load.communicate(timeout=60)
    finally:
        process.end(load)
    aborted = set(re.findall(r"client (\d+) (?:aborted|script \d+ aborted)", output))
    print(f"{there.count()} sessions were at the one that was killed, {len(aborted)} clients were aborted", flush=True)
    common.expect(0 < len(aborted) <= there.count(), f"{len(aborted)} clients were aborted, {there.count()} were there: {output}")
    done = re.search(r"number of transactions actually processed: (\d+)", output)
    common.expect(done is not None and int(done.group(1)) > 0, f"the others did not go on: {output}")


def test() -> None:
    given = common.arguments(__doc__).parse_args()
    process.need("pgbench", "postgresql")
    common.need_root_for(given.user)
    with process.Workspace() as work:
        clusters = [postgresql.Cluster(work, f"postgresql{i}") for i in range(2)]
        for cluster in clusters:
            postgresql.run(pgbench(cluster.port, "-i", "-q", "-s", "1"), NO_TLS)
        backends = [f"127.0.0.1:{cluster.port}" for cluster in clusters]
        server = weir.start(work, given.weir, backends, workers="2", user=given.user, rules=CHECK)
        common.expect_user(server, given.user)

        kill_under_load(server, clusters[1], backends[1])
        killed.wait_for_state(server, backends[1], "down")
        killed.expect_told(work, "backend_down", backends[1])
        expect_no_failure(reads(server, 1))
        killed.expect_no_other_lost(work, backends[0])

        clusters[1].start()
        killed.wait_for_state(server, backends[1], "up")
        before = killed.sessions(server, backends[1])
        expect_no_failure(reads(server, 1))
        common.expect(killed.sessions(server, backends[1]) - before >= CLIENTS // 2,
                      "it does not get its share once it is back")
        print(f"sessions closed: {killed.closed(server)}", flush=True)
        common.expect_ends_well(server)


if __name__ == "__main__":
    common.main(test)
