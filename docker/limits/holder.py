"""A server that holds so many connections and no more: it gives back each line, and resets whoever comes above that.

usage: holder.py CONNECTIONS
"""

import asyncio
import socket
import struct
import sys

RESET = struct.pack("ii", 1, 0)


async def main(most: int) -> None:
    held = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal held
        if held >= most:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.close()
            return
        held += 1
        try:
            while line := await reader.readline():
                writer.write(line)
        except ConnectionError:
            pass
        finally:
            held -= 1
            writer.close()

    async with await asyncio.start_server(serve, "0.0.0.0", 9000, backlog=1024) as server:
        print(f"holds {most} connections", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
