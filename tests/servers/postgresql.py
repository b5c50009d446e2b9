#!/usr/bin/env python3
"""PostgreSQL behind Weir under pgbench: no transaction fails, and each one that was counted is in the table."""

import glob
import os
import pathlib
import re
import shutil
import subprocess

import common
from peers import process, weir

OWNER = "postgres"  # the server refuses to run as root


def need_server() -> pathlib.Path:
    """The folder of the server's own programs, which are not in the path."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    if not found:
        process.skip("initdb is not installed (Debian's package: postgresql)")
    return pathlib.Path(found[-1]).parent


def as_owner(argv: list[str]) -> list[str]:
    if os.geteuid() != 0:
        return argv
    return ["setpriv", f"--reuid={OWNER}", f"--regid={OWNER}", "--init-groups", "--", *argv]


def run(argv: list[str], env: dict[str, str] | None = None) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120, env=env)
    common.expect(done.returncode == 0, f"{argv} ended with status {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def start_postgresql(work: process.Workspace) -> int:
    programs, folder, port = need_server(), work.path / "pg", work.free_port()
    folder.mkdir()
    if os.geteuid() == 0:
        work.path.chmod(0o711)
        shutil.chown(folder, OWNER, OWNER)
    data = str(folder / "data")
    run(as_owner([str(programs / "initdb"), "-D", data, "-A", "trust", "-U", "weir", "--no-sync"]))
    argv = [str(programs / "postgres"), "-D", data, "-p", str(port), "-c", "listen_addresses=127.0.0.1",
            "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
    server = work.spawn("postgresql", as_owner(argv))
    work.wait_for_port("postgresql", server, "127.0.0.1", port)
    return port


def pgbench(port: int, *options: str) -> int:
    """Runs it through `port` and returns how many transactions it counted."""
    argv = ["pgbench", "-h", "127.0.0.1", "-p", str(port), "-U", "weir", "-n", *options, "postgres"]
    output = run(process.with_parent(argv), {**os.environ, "PGSSLMODE": "disable"})
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
        direct = start_postgresql(work)
        server = weir.start(work, given.weir, [f"127.0.0.1:{direct}"], workers="2", user=given.user)
        common.expect_user(server, given.user)
        login = ["-h", "127.0.0.1", "-U", "weir"]
        # Its data arrive by COPY in one stream.
        run(["pgbench", *login, "-p", str(server.port), "-i", "-q", "-s", "2", "postgres"])
        written = pgbench(server.port, "-c", "20", "-j", "2", "-T", "4")
        written += pgbench(server.port, "-c", "8", "-j", "2", "-T", "3", "--connect")
        common.expect(pgbench(server.port, "-c", "20", "-j", "2", "-T", "3", "-S", "-M", "prepared") > 0, "nothing was read")
        found = run(["psql", *login, "-p", str(direct), "-tA", "-c", "SELECT count(*) FROM pgbench_history", "postgres"])
        common.expect(int(found) == written, f"pgbench counted {written} transactions, the table holds {found.strip()}")
        common.expect_even_spread(server, 1)
        common.expect_ends_well(server)


if __name__ == "__main__":
    common.main(test)
