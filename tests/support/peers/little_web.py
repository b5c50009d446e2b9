"""Small backends and clients for pictures and for pages that show them: short sessions of one question and answer."""

import contextlib
import socket
import time

from .echo import answering


def backend(size: int) -> contextlib.AbstractContextManager[int]:
    """Answers what comes with so many bytes; its port."""
    return answering(lambda _: b"x" * size)


def visit(port: int, source: str, until: float, pause: float = 0) -> None:
    """One short session after the other until time.monotonic() is `until`, with so many seconds between them."""
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5, (source, 0)) as client:
            client.sendall(b"?")
            client.recv(65536)
        time.sleep(pause)
