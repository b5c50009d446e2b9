"""Small backends and clients for pictures and for pages that show them: short sessions of one question and answer."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator


@contextlib.contextmanager
def backend(size: int) -> Iterator[int]:
    """Answers each line with so many bytes; its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        def serve(client: socket.socket) -> None:
            with client, contextlib.suppress(OSError):
                while client.recv(4096):
                    client.sendall(b"x" * size)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def visit(port: int, source: str, until: float, pause: float = 0) -> None:
    """One short session after the other until time.monotonic() is `until`, with so many seconds between them."""
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5, (source, 0)) as client:
            client.sendall(b"?")
            client.recv(65536)
        time.sleep(pause)
