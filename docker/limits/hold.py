"""Opens connections and keeps them: each sends a line of its own, again and again, and wants it back.

usage: hold.py HOST PORT CONNECTIONS SECONDS
Prints "held N of M" when each has had its first line back or was turned away, and "kept N" at the end.
"""

import asyncio
import sys


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: bytes) -> bool:
    try:
        writer.write(line)
        return await asyncio.wait_for(reader.readline(), 10) == line
    except (ConnectionError, asyncio.TimeoutError):
        return False


async def main(host: str, port: int, connections: int, seconds: float) -> None:
    async def begin(number: int):
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 10)
        except (OSError, asyncio.TimeoutError):
            return None
        line = b"connection %d\n" % number
        return (reader, writer, line) if await exchange(reader, writer, line) else None

    begun = await asyncio.gather(*(begin(number) for number in range(connections)))
    held = [one for one in begun if one is not None]
    print(f"held {len(held)} of {connections}", flush=True)
    kept = [True] * len(held)
    for _ in range(int(seconds)):
        await asyncio.sleep(1)
        answers = await asyncio.gather(*(exchange(*one) for one in held))
        kept = [before and now for before, now in zip(kept, answers)]
    print(f"kept {sum(kept)}", flush=True)
    for _, writer, _ in held:
        writer.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
