#!/usr/bin/env python3
"""A WebSocket through Weir that says nothing for a minute and then goes on."""

import asyncio
import importlib.util
import os
import sys
import time

import common
from peers import process, weir

SYSTEM_PYTHON = "/usr/bin/python3"  # for which Debian's package installs the library


def need_websockets() -> None:
    """Goes on in the interpreter that has the library, or ends the test as skipped."""
    if importlib.util.find_spec("websockets") is not None:
        return
    if os.path.realpath(sys.executable) != os.path.realpath(SYSTEM_PYTHON) and os.path.exists(SYSTEM_PYTHON):
        os.execv(SYSTEM_PYTHON, [SYSTEM_PYTHON, "-B", *sys.argv])
    process.skip("the library websockets is not installed (Debian's package: python3-websockets)")


async def converse(server: weir.Weir, idle: float) -> None:
    import websockets
    address = f"ws://{server.host}:{server.port}/"
    # Without pings nothing moves while it idles.
    async with websockets.connect(address, ping_interval=None, max_size=None) as socket:
        await exchange(socket, "hello")
        started = time.monotonic()
        print(f"idle for {idle:.0f} s", flush=True)
        await asyncio.sleep(idle)
        for message in ("still here", "x" * (1 << 20), b"\x00\xff" * 1000):
            await exchange(socket, message)
        print(f"went on after {time.monotonic() - started:.0f} s", flush=True)


async def exchange(socket, message: str | bytes) -> None:
    await socket.send(message)
    answer = await asyncio.wait_for(socket.recv(), 10)
    common.expect(answer == message, f"{message[:20]!r} came back as {answer[:20]!r}")


async def echo(socket) -> None:
    async for message in socket:
        await socket.send(message)


async def serve_and_converse(work: process.Workspace, binary: str, user: str, idle: float) -> weir.Weir:
    import websockets
    port = work.free_port()
    async with websockets.serve(echo, "127.0.0.1", port, ping_interval=None, max_size=None):
        # Not on a thread of the loop's: Weir is told to end when the thread that started it does. The wait for its port
        # holds the loop up, which nobody minds: the kernel accepts for the server meanwhile.
        server = weir.start(work, binary, [f"127.0.0.1:{port}"], user=user)
        common.expect_user(server, user)
        await converse(server, idle)
    return server


def test() -> None:
    parser = common.arguments(__doc__)
    parser.add_argument("--idle", type=float, default=60.0, help="seconds (default 60)")
    given = parser.parse_args()
    need_websockets()
    common.need_root_for(given.user)
    with process.Workspace() as work:
        server = asyncio.run(serve_and_converse(work, given.weir, given.user, given.idle))
        common.expect_even_spread(server, 1)
        common.expect_ends_well(server)


if __name__ == "__main__":
    common.main(test)
