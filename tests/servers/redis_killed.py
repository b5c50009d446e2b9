#!/usr/bin/env python3
"""One of two Redis is killed under load: its own clients lose their connection, no other does, and each is served again
at once."""

import socket
import threading

import common
import killed
from peers import process, redis, weir

CLIENTS = 30
CHECK = ("[pools.back.health]\ntype = \"exchange\"\ninterval = \"500ms\"\ntimeout = \"500ms\"\n"
         "exchange = { send = \"PING\\r\\n\", expect = \"+PONG\" }\n")


class Client(threading.Thread):
    """Asks on one connection again and again, and on a new one when that is lost; every fifth does so each time."""

    def __init__(self, server: weir.Weir, number: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._target, self._stop_now = (server.host, server.port), stop
        self._stays = number % 5 != 0
        self.answers, self.lost = 0, 0

    def run(self) -> None:
        while not self._stop_now.is_set():
            try:
                self._use_one()
            except OSError:
                self.lost += 1

    def _use_one(self) -> None:
        with socket.create_connection(self._target, timeout=20) as connection:
            while not self._stop_now.is_set():
                connection.sendall(b"PING\r\n")
                if connection.recv(7, socket.MSG_WAITALL) != b"+PONG\r\n":
                    raise ConnectionError("the answer is cut")
                self.answers += 1
                if not self._stays:
                    return


def test() -> None:
    given = common.arguments(__doc__).parse_args()
    common.need_root_for(given.user)
    with process.Workspace() as work:
        first, second = redis.start(work, "redis0"), redis.start(work, "redis1")
        victim, port = second
        backends = [f"127.0.0.1:{first[1]}", f"127.0.0.1:{port}"]
        server = weir.start(work, given.weir, backends, workers="2", user=given.user, rules=CHECK)
        common.expect_user(server, given.user)

        stop = threading.Event()
        clients = [Client(server, number, stop) for number in range(CLIENTS)]
        for client in clients:
            client.start()

        def answered(more: int) -> None:
            """Waits until each client has got so many more answers."""
            wanted = [client.answers + more for client in clients]
            process.wait_until(lambda: all(c.answers >= w for c, w in zip(clients, wanted)), "answers to every client", 30)

        try:
            answered(20)
            common.expect(not any(client.lost for client in clients), "connections are lost before anything happened")
            there = killed.Sessions(server, backends[1])
            killed.kill(victim)
            answered(20)
            killed.wait_for_state(server, backends[1], "down")
            killed.expect_told(work, "backend_down", backends[1])
            answered(20)
            lost = [client.lost for client in clients]
            print(f"{there.count()} sessions were at the one that was killed, {sum(lost)} failed", flush=True)
            common.expect(0 < sum(lost) <= there.count(), f"{sum(lost)} are lost, {there.count()} were there: {lost}")
            killed.expect_no_other_lost(work, backends[0])

            redis.start(work, "redis1", port)
            killed.wait_for_state(server, backends[1], "up")
            before = killed.sessions(server, backends[1])
            process.wait_until(lambda: killed.sessions(server, backends[1]) >= before + 5, "new sessions where it came back")
            answered(20)
            common.expect([client.lost for client in clients] == lost, "connections are lost when it comes back")
        finally:
            stop.set()
            for client in clients:
                client.join()
        print(f"{sum(client.answers for client in clients)} answers; sessions closed: {killed.closed(server)}", flush=True)
        common.expect_ends_well(server)


if __name__ == "__main__":
    common.main(test)
