"""What the clients do. Each scenario runs against every target in turn (measure.py)."""

import dataclasses

BODIES = {"body-16MiB": 16 << 20, "body-64KiB": 64 << 10, "body-512": 512}


@dataclasses.dataclass(frozen=True)
class Scenario:
    """`per_byte`: rate and cost are counted in gigabytes instead of requests.

    `addresses`: client addresses that take turns (0: the kernel's choice), from 127.1.0.1 on. `share`: requests come at
    a fixed rate, this share of what the slowest target of the run can do; none: as fast as they are answered.
    """

    name: str
    about: str
    connections: int
    path: str = "/"
    each: bool = False
    addresses: int = 0
    share: float | None = None
    per_byte: bool = False


ALL = {one.name: one for one in (
    Scenario("keepalive-1", "one connection that stays, tiny requests", 1),
    Scenario("keepalive", "64 connections that stay, tiny requests", 64),
    Scenario("keepalive-1000", "1 000 connections that stay, tiny requests", 1_000),
    Scenario("connections", "a connection for each tiny request, 64 at a time, from one client address", 64, each=True),
    Scenario("connections-32", "the same from 32 client addresses", 64, each=True, addresses=32),
    Scenario("bulk", "16 MiB bodies, 8 connections that stay", 8, path="/body-16MiB", per_byte=True),
    Scenario("bulk-64k", "64 KiB bodies, 8 connections that stay", 8, path="/body-64KiB", per_byte=True),
    Scenario("latency", "tiny requests at half of the slowest one's rate, 64 connections that stay", 64, share=0.5),
)}
