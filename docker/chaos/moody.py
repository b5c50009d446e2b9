"""A server whose moods change by a seed: it is well, refuses, hangs, resets, or is slow, each for one to three seconds. After
SECONDS it stays well.

usage: moody.py NAME SEED SECONDS
"""

import asyncio
import random
import socket
import struct
import sys
import time

from exchange import download, upload

RESET = struct.pack("ii", 1, 0)
MOODS = ["well", "refuses", "hangs", "resets", "slow"]
PIECE = 16 * 1024


class Server:
    def __init__(self, name: str) -> None:
        self._name = name
        self._mood = "well"
        self._writers: set[asyncio.StreamWriter] = set()
        self._listening: asyncio.Server | None = None

    async def become(self, mood: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {mood}", flush=True)
        self._mood = mood
        if mood == "refuses" and self._listening is not None:
            self._listening.close()
            self._listening = None
        elif mood != "refuses" and self._listening is None:
            self._listening = await asyncio.start_server(self._serve, "0.0.0.0", 9000, backlog=1024, reuse_address=True)
        if mood == "resets":
            for writer in list(self._writers):
                self._reset(writer)

    @staticmethod
    def _reset(writer: asyncio.StreamWriter) -> None:
        if not writer.transport.is_closing():
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self._answer(reader, writer)
            writer.close()
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            self._reset(writer)  # whoever asked is gone, or was reset in the middle
        finally:
            self._writers.discard(writer)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mood == "hangs":
            await asyncio.sleep(60)
        number, up, down = map(int, (await reader.readline()).split())
        body = await reader.readexactly(up)
        if self._mood == "resets":
            self._reset(writer)
            return
        word = "good" if body == upload(number, up) else "bad"
        answer = f"{word} {self._name}\n".encode() + download(number, down)
        for begin in range(0, len(answer), PIECE):
            writer.write(answer[begin:begin + PIECE])
            await writer.drain()
            await asyncio.sleep(0.1 if self._mood == "slow" else 0)


async def main(name: str, seed: str, seconds: float) -> None:
    server = Server(name)
    await server.become("well")
    chance = random.Random(f"{seed} {name}")
    end = time.monotonic() + seconds
    if seconds:
        await asyncio.sleep(3)
    while time.monotonic() < end:
        await server.become(chance.choice(MOODS))
        await asyncio.sleep(min(chance.uniform(1, 3), max(0.0, end - time.monotonic())))
    await server.become("well")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
