"""What the tests with real servers share: their arguments, and how they end."""

import argparse
import os
import pathlib
import pwd
import shutil
import sys
from collections.abc import Callable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

from peers import process, weir  # noqa: E402


def arguments(about: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("weir", help="the binary to test")
    parser.add_argument("--user", default="", help="the user for Weir to become; needs root")
    parser.add_argument("--slow", action="store_true", help="the binary carries a sanitizer: its pace says nothing")
    return parser


def need_root_for(user: str) -> None:
    if user and os.geteuid() != 0:
        process.skip("only root can start Weir with `user` set")


def give_files(work: process.Workspace, user: str) -> None:
    """To `user`, who has to read certificates and keys again and again; nothing when that is empty."""
    if not user:
        return
    for path in (work.path, *work.path.rglob("*")):
        shutil.chown(path, user)


def expect_user(server: weir.Weir, user: str) -> None:
    """Weir runs as `user`; as whoever started it when that is empty."""
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    owners = next(line.split()[1:] for line in status.splitlines() if line.startswith("Uid:"))
    wanted = pwd.getpwnam(user).pw_uid if user else os.geteuid()
    expect(set(owners) == {str(wanted)}, f"Weir does not run as {user or wanted}: uids {owners}")


expect = process.expect


def expect_even_spread(server: weir.Weir, backends: int) -> dict[str, float]:
    """Every backend got as many sessions as any other, or one fewer; no connect failed."""
    sessions = server.values("weir_backend_sessions_total", "backend")
    expect(len(sessions) == backends, f"{backends} backends are expected in the metrics: {sessions}")
    expect(max(sessions.values()) - min(sessions.values()) <= 1, f"the spread is uneven: {sessions}")
    failures = server.values("weir_backend_connect_failures_total", "backend")
    expect(not any(failures.values()), f"connects failed: {failures}")
    return sessions


def expect_ends_well(server: weir.Weir) -> None:
    """No session stays open once the clients are gone, and SIGTERM ends Weir cleanly."""
    process.wait_until(lambda: sum(server.values("weir_sessions_open", "listener").values()) == 0,
                       "all sessions to close")
    status = process.end(server.process, 20)
    expect(status == 0, f"Weir ended with status {status} after SIGTERM")


def main(test: Callable[[], None]) -> None:
    try:
        test()
    except process.Failure as failure:
        sys.exit(f"FAILED: {failure}")
    print("passed", flush=True)
