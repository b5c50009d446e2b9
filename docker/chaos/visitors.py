"""Clients that check every byte: each asks again and again for a while, half of them end their stream after the request.

usage: visitors.py HOST PORT SEED VISITORS SECONDS
       visitors.py HOST PORT SEED VISITORS SECONDS REQUESTS     REQUESTS in all, one after the other
Prints JSON: how many were good, which were lost (their own address, and how), which were wrong, times and bytes.
"""

import asyncio
import json
import random
import sys
import time

from exchange import download, upload

LIMIT = 20.0  # seconds for a request; Weir gives a server up long before


class Tally:
    def __init__(self) -> None:
        self.lost: list[dict] = []
        self.wrong: list[dict] = []
        self.by_server: dict[str, int] = {}
        self.times: list[float] = []
        self.longest = 0.0
        self.bytes = 0


async def ask(host: str, port: int, number: int, up: int, down: int, half_close: bool, tally: Tally) -> None:
    began = time.monotonic()
    client = "none"

    def count(where: list[dict], how: str) -> None:
        where.append({"client": client, "how": how, "at": time.time(), "after_ms": round((time.monotonic() - began) * 1000)})

    async def whole() -> bytes:
        nonlocal client
        reader, writer = await asyncio.open_connection(host, port)
        client = "{}:{}".format(*writer.get_extra_info("sockname"))
        try:
            writer.write(f"{number} {up} {down}\n".encode() + upload(number, up))
            await writer.drain()
            if half_close:
                writer.write_eof()
            return await reader.read()
        finally:
            writer.close()

    try:
        answer = await asyncio.wait_for(whole(), LIMIT)
    except asyncio.TimeoutError:
        count(tally.wrong, f"no end after {LIMIT:.0f} s")
    except OSError as error:
        count(tally.lost, str(error))
    else:
        line, _, body = answer.partition(b"\n")
        word, _, name = line.decode("latin-1").partition(" ")
        if word == "good" and body == download(number, down):
            tally.by_server[name] = tally.by_server.get(name, 0) + 1
            tally.times.append(time.monotonic() - began)
            tally.bytes += up + down
        else:
            right = download(number, down).startswith(body) and word in ("good", "")
            count(tally.wrong, "cut, and it looks whole" if right else f"other bytes, {word}")
    tally.longest = max(tally.longest, time.monotonic() - began)


async def visit(host: str, port: int, seed: str, visitor: int, seconds: float, requests: int, tally: Tally) -> None:
    chance = random.Random(f"{seed} {visitor}")
    end = time.monotonic() + seconds
    made = 0
    while time.monotonic() < end and (not requests or made < requests):
        made += 1
        sizes = [chance.choice((0, 100, 5_000, 100_000)) + chance.randrange(100) for _ in range(2)]
        await ask(host, port, chance.getrandbits(40), *sizes, visitor % 2 == 1, tally)
        await asyncio.sleep(0 if requests else 0.03)


async def main(host: str, port: int, seed: str, visitors: int, seconds: float, requests: int) -> None:
    tally = Tally()
    await asyncio.gather(*(visit(host, port, seed, number, seconds, requests, tally) for number in range(visitors)))
    times = sorted(tally.times) or [0.0]
    print(json.dumps({"good": len(tally.times), "by_server": tally.by_server, "lost": tally.lost, "wrong": tally.wrong,
                      "bytes": tally.bytes, "p50_ms": round(times[len(times) // 2] * 1000, 1),
                      "p99_ms": round(times[len(times) * 99 // 100] * 1000, 1), "longest_s": round(tally.longest, 1)}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), float(sys.argv[5]),
                     int(sys.argv[6]) if len(sys.argv) > 6 else 0))
