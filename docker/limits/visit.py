"""An honest client: a request on a connection of its own, so many a second, whatever became of the one before.

usage: visit.py HOST PORT REQUESTS_A_SECOND SECONDS
Prints "requests N failed M p50 T ms p99 T ms".
"""

import asyncio
import sys
import time


async def visit(host: str, port: int) -> float | None:
    """How long it took; nothing when it failed."""
    began = time.monotonic()
    try:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET / HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
    except OSError:
        return None
    return time.monotonic() - began if answer.startswith(b"HTTP/1.1 200") else None


async def main(host: str, port: int, rate: int, seconds: int) -> None:
    visits = []
    for _ in range(rate * seconds):
        visits.append(asyncio.create_task(asyncio.wait_for(visit(host, port), 10)))
        await asyncio.sleep(1 / rate)
    outcomes = await asyncio.gather(*visits, return_exceptions=True)
    times = sorted(one * 1000 for one in outcomes if isinstance(one, float)) or [float("inf")]
    print(f"requests {len(outcomes)} failed {sum(not isinstance(one, float) for one in outcomes)} "
          f"p50 {times[len(times) // 2]:.1f} ms p99 {times[len(times) * 99 // 100]:.1f} ms")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
