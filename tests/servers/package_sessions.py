"""Clients of a Weir that is exchanged under them: sessions that last, and new ones that come all the time."""

import contextlib
import socket
import sys
import threading
import pathlib
from collections.abc import Iterator

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

from peers import process  # noqa: E402


def _ask(client: socket.socket, word: bytes) -> None:
    """One word there and back."""
    client.sendall(word)
    got = b""
    while len(got) < len(word):
        more = client.recv(len(word) - len(got))
        if not more:
            raise process.Failure(f"the session ended in the middle of {word!r}")
        got += more
    process.expect(got == word, f"{got!r} came back for {word!r}")


def ask_once(port: int) -> None:
    """A session of one word, with its end."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        _ask(client, b"once")
        client.shutdown(socket.SHUT_WR)
        process.expect(client.recv(1) == b"", "more came back than was sent")


class Lasting:
    """Sessions that stay. Each answer is compared."""

    def __init__(self, port: int, count: int) -> None:
        self._clients = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(count)]
        self._asked = 0
        self.check()

    def check(self) -> None:
        """Every one of them still carries bytes both ways."""
        self._asked += 1
        for number, client in enumerate(self._clients):
            try:
                _ask(client, f"{number} {self._asked}\n".encode())
            except OSError as error:
                raise process.Failure(f"session {number} of {len(self._clients)} was cut: {error}") from error

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self._clients = []


class Knocking:
    """What came of the clients of `knocking`."""

    def __init__(self) -> None:
        self.answered = 0
        self.failures: list[str] = []


@contextlib.contextmanager
def knocking(port: int) -> Iterator[Knocking]:
    """New sessions, one after the other as fast as they are answered, from two threads. None may fail."""
    found = Knocking()
    over = threading.Event()

    def knock() -> None:
        while not over.is_set():
            try:
                ask_once(port)
                found.answered += 1
            except (OSError, process.Failure) as error:
                found.failures.append(str(error))

    threads = [threading.Thread(target=knock) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        over.set()
        for thread in threads:
            thread.join()
    process.expect(not found.failures,
                   f"{len(found.failures)} of {found.answered + len(found.failures)} new sessions failed: {found.failures[:3]}")
    process.expect(found.answered > 0, "nobody came in the meantime")
