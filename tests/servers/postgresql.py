#!/usr/bin/env python3
"""PostgreSQL behind Weir under pgbench: no transaction fails, and each one that was counted is in the table."""

import os
import re

import common
from peers import postgresql, process, weir


def pgbench(port: int, *options: str) -> int:
    """Runs it through `port` and returns how many transactions it counted."""
    argv = ["pgbench", "-h", "127.0.0.1", "-p", str(port), "-U", "weir", "-n", *options, "postgres"]
    output = postgresql.run(process.with_parent(argv), {**os.environ, "PGSSLMODE": "disable"})
    done = re.search(r"number of transactions actually processed: (\d+)", output)
    failed = re.search(r"number of failed transactions: (\d+)", output)
    common.expect(done is not None, f"pgbench's output is not understood: {output}")
    count = int(done.group(1)) if done else 0
    print(f"pgbench {' '.join(options)}: {count} transactions", flush=True)
    common.expect(failed is None or failed.group(1) == "0", f"transactions failed: {output}")
    return count


def test() -> None:
    given = common.arguments(__doc__).parse_args()
    process.need("pgbench", "postgresql")
    common.need_root_for(given.user)
    with process.Workspace() as work:
        direct = postgresql.Cluster(work).port
        server = weir.start(work, given.weir, [f"127.0.0.1:{direct}"], workers="2", user=given.user)
        common.expect_user(server, given.user)
        login = ["-h", "127.0.0.1", "-U", "weir"]
        # Its data arrive by COPY in one stream.
        postgresql.run(["pgbench", *login, "-p", str(server.port), "-i", "-q", "-s", "2", "postgres"])
        written = pgbench(server.port, "-c", "20", "-j", "2", "-T", "4")
        written += pgbench(server.port, "-c", "8", "-j", "2", "-T", "3", "--connect")
        common.expect(pgbench(server.port, "-c", "20", "-j", "2", "-T", "3", "-S", "-M", "prepared") > 0, "nothing was read")
        found = postgresql.run(["psql", *login, "-p", str(direct), "-tA", "-c", "SELECT count(*) FROM pgbench_history",
                                "postgres"])
        common.expect(int(found) == written, f"pgbench counted {written} transactions, the table holds {found.strip()}")
        common.expect_even_spread(server, 1)
        common.expect_ends_well(server)


if __name__ == "__main__":
    common.main(test)
