"""Small backends in this process, each with a thread a client."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def answering(answer: Callable[[bytes], bytes]) -> Iterator[int]:
    """A backend that sends `answer` of what comes, as it comes; its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        def serve(client: socket.socket) -> None:
            with client, contextlib.suppress(OSError):
                while data := client.recv(65536):
                    client.sendall(answer(data))

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def echo() -> contextlib.AbstractContextManager[int]:
    """A backend that sends back what comes; its port."""
    return answering(lambda data: data)
