"""Where clients, proxies and backends run: on loopback, or on hosts of their own that are made for it.

Across namespaces each has a network of its own, joined by a bridge: packets pass the whole stack and a pair of veth
devices, as between machines, but for the wire. This process becomes one of the clients. As root only.
"""

import ctypes
import dataclasses
import os
import subprocess

from peers import process

CLONE_NEWNET = 0x40000000


@dataclasses.dataclass(frozen=True)
class Network:
    """Addresses and places; `front` is the proxies' address, `clients` the first of the clients' addresses. Processors of
    one machine need not be equally fast: `exchanged` has the proxies where the others were, and those where they were."""

    front: str
    backends: list[str]
    clients: str
    proxies_at: process.Where
    backends_at: process.Where
    clients_at: process.Where

    def exchanged(self) -> "Network":
        """The same where it cannot be: one side has more of them, or all share all."""
        own, other = self.proxies_at.cores, self.clients_at.cores
        if len(own) != len(other):
            return self
        move = dataclasses.replace
        return move(self, proxies_at=move(self.proxies_at, cores=other), backends_at=move(self.backends_at, cores=own),
                    clients_at=move(self.clients_at, cores=own))


def cores(workers: int) -> tuple[frozenset[int], frozenset[int]]:
    """A processor for each of the proxies' workers, and the others'; nothing for both where there are too few."""
    every = sorted(os.sched_getaffinity(0))
    if len(every) <= workers:
        return frozenset(), frozenset()
    return frozenset(every[:workers]), frozenset(every[workers:])


def loopback(workers: int) -> Network:
    # Two addresses of the loopback net for the backends: a pair of addresses has about 28 000 source ports, and
    # closed connections keep theirs for a while.
    own, other = cores(workers)
    return Network("127.0.0.4", ["127.0.0.2", "127.0.0.3"], "127.1.0.1", process.Where(own), process.Where(other),
                   process.Where(other))


class Namespaces:
    """Three hosts on one bridge, 198.18.0.0/16; they go with the `with` block."""

    NAMES = {"proxies": 1, "backends": 2, "clients": 3}

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._made: list[str] = []

    def __enter__(self) -> Network:
        try:
            return self._make()
        except BaseException:
            self.__exit__()
            raise

    def _make(self) -> Network:
        bridge = self._add("bridge")
        _ip("-n", bridge, "link", "add", "br0", "type", "bridge")
        _ip("-n", bridge, "link", "set", "br0", "up")
        for role, number in self.NAMES.items():
            name = self._add(role)
            _ip("link", "add", "eth0", "netns", name, "type", "veth", "peer", "name", f"port{number}", "netns", bridge)
            _ip("-n", bridge, "link", "set", f"port{number}", "master", "br0", "up")
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "link", "set", "eth0", "up")
            _ip("-n", name, "addr", "add", f"198.18.{number}.1/16", "dev", "eth0")
        backends = self._name("backends")
        _ip("-n", backends, "addr", "add", "198.18.2.2/16", "dev", "eth0")
        for last in range(2, 65):
            _ip("-n", self._name("clients"), "addr", "add", f"198.18.3.{last}/16", "dev", "eth0")
        _enter(self._name("clients"))
        own, other = cores(self._workers)
        # This process, and so what it starts, is in the clients' network.
        return Network("198.18.1.1", ["198.18.2.1", "198.18.2.2"], "198.18.3.1",
                       process.Where(own, self._name("proxies")), process.Where(other, backends), process.Where(other))

    def __exit__(self, *_: object) -> None:
        for name in self._made:
            subprocess.run(["ip", "netns", "delete", name], check=False)

    def _name(self, role: str) -> str:
        return f"weir-bench-{os.getpid()}-{role}"

    def _add(self, role: str) -> str:
        _ip("netns", "add", self._name(role))
        self._made.append(self._name(role))
        return self._name(role)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise process.Failure(f"ip {' '.join(words)}: {done.stderr.strip()}")


def _enter(name: str) -> None:
    with open(f"/var/run/netns/{name}", encoding="ascii") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) != 0:
            raise process.Failure(f"cannot enter the network namespace {name}: {os.strerror(ctypes.get_errno())}")
