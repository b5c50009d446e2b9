#!/usr/bin/env python3
"""What a request and a connection cost in system calls: a budget, call by call.

A worker's calls are counted by strace for one request and for many: what they differ by is what the requests
themselves cost, whatever starting up and the timers come to. Some cost less, those that are there already when the
worker first looks; one of them alone cannot make the others look dear.
"""

import collections
import pathlib
import re
import socket
import threading

from common import arguments, main

from peers import process, weir

REQUEST, ANSWER = b"x" * 100, b"y" * 200
ONE, MANY = 1, 180

# A request over a kept connection, when there is no other: it is waited for, read and written, and so is its answer.
# (A wait is a turn of the loop's, and shared by all that happens in it.)
PER_REQUEST = {"recvfrom": 2, "sendto": 2, "epoll_wait": 2}
# A connection with one request, when there is no other.
PER_CONNECTION = {
    "accept4": 1,      # that there is no more, the loop will say
    "socket": 1,       # the backend
    "setsockopt": 2,   # TCP_NODELAY, SO_OOBINLINE; what a client has is inherited, and keep-alive comes after a second
    "connect": 1,      # whether it stands, epoll says: SO_ERROR is asked for only when it says more than that
    "epoll_wait": 7,   # the client, that the backend stands, request, answer, two ends, and a timer now and then
    "epoll_ctl": 2,    # both sockets are registered once, for edges; their close takes them out
    "recvfrom": 5,     # the client at once, request, answer, and the end of both streams
    "sendto": 2,
    "shutdown": 1,     # the client's end is passed on; the other end comes with the close
    "close": 2,
}


class Backend:
    """Answers each request, and ends its stream when the client has."""

    def __init__(self, port: int) -> None:
        # Not a port that the kernel would choose: to such a one a connect may meet itself, which takes two calls to find.
        self.address = f"127.0.0.1:{port}"
        self._listening = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            while connection.recv(4096):
                connection.sendall(ANSWER)


def ask(connection: socket.socket) -> None:
    connection.sendall(REQUEST)
    got = b""
    while len(got) < len(ANSWER):
        more = connection.recv(4096)
        if not more:
            raise process.Failure("the connection ended within an answer")
        got += more


def keep(host: str, port: int, count: int) -> None:
    with socket.create_connection((host, port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            ask(connection)


def connect_each(host: str, port: int, count: int) -> None:
    for _ in range(count):
        with socket.create_connection((host, port)) as connection:
            ask(connection)
            connection.shutdown(socket.SHUT_WR)
            if connection.recv(1):
                raise process.Failure("more than the answer came")


def calls_of(binary: str, clients, count: int) -> collections.Counter[str]:
    """What the worker calls while `clients(host, port, count)` are served."""
    with process.Workspace() as work:
        traced = work.path / "strace.out"
        wrapper = work.write("weir.sh", f'#!/bin/sh\nexec {process.need("strace", "strace")} -f -qq -s 0 -o {traced} '
                                        f'{binary} "$@"\n')
        wrapper.chmod(0o700)
        one = weir.start(work, str(wrapper), [Backend(work.free_port()).address], sessions="none")
        clients(one.host, one.port, count)
        process.end(one.process)
        lines = traced.read_text(encoding="utf-8", errors="replace").splitlines()
    threads: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for line in lines:
        # "<... recvfrom resumed>" is the rest of a call that has been counted.
        if found := re.match(r"(\d+)\s+(\w+)\(", line):
            threads[found.group(1)][found.group(2)] += 1
    # The worker is the thread that accepts.
    return max(threads.values(), key=lambda calls: calls["accept4"])


def cost(binary: str, clients) -> dict[str, float]:
    one, many = calls_of(binary, clients, ONE), calls_of(binary, clients, MANY)
    return {name: (many[name] - one[name]) / (MANY - ONE) for name in sorted(many.keys() | one.keys())
            if many[name] != one[name]}


def check(what: str, cost_of_one: dict[str, float], budget: dict[str, int]) -> list[str]:
    print(f"{what}: " + ", ".join(f"{name} {count:.2f}" for name, count in cost_of_one.items()))
    # A twentieth is for what timers add in one of the two runs.
    over = [f"{what}: {name} {count:.2f}, allowed are {budget.get(name, 0)}" for name, count in cost_of_one.items()
            if count > budget.get(name, 0) + 0.05]
    return over


def test() -> None:
    binary = str(pathlib.Path(arguments(__doc__).parse_args().weir).resolve())
    over = check("a request", cost(binary, keep), PER_REQUEST)
    over += check("a connection", cost(binary, connect_each), PER_CONNECTION)
    if over:
        raise process.Failure("; ".join(over))


if __name__ == "__main__":
    main(test)
