"""What the clients do. Each scenario runs against every target in turn (measure.py)."""

import dataclasses

BODIES = {"body-16MiB": 16 << 20, "body-64KiB": 64 << 10, "body-512": 512}


@dataclasses.dataclass(frozen=True)
class Scenario:
    """`per_byte`: rate and cost are counted in gigabytes instead of requests.

    `addresses`: client addresses that take turns (0: the kernel's choice), from 127.1.0.1 on. `share`: requests come at
    a fixed rate, this share of what the slowest peer of the run can do; none: as fast as they are answered.
    `per_second`: they come at just this rate. `parts`: these run at once; the latency is the first one's.

    `tls`: a handshake in "full" or a "resumed" one for each connection, with the proxy; or only a ClientHello ("hello").
    """

    name: str
    about: str
    connections: int = 0
    path: str = "/"
    each: bool = False
    addresses: int = 0
    share: float | None = None
    per_second: float | None = None
    per_byte: bool = False
    parts: tuple["Scenario", ...] = ()
    tls: str = ""

    @property
    def is_tiny(self) -> bool:
        """Whether the backend of tiny requests is enough for it."""
        return self.path == "/" and not self.parts

    @property
    def is_paced(self) -> bool:
        """Whether everybody gets the same to do, and time is left."""
        return self.share is not None or bool(self.parts)

    @property
    def way(self) -> str:
        """What a proxy does with the TLS (tls.py)."""
        return {"": "", "hello": "passes"}.get(self.tls, "ends")

    @property
    def is_for_wrk(self) -> bool:
        """wrk has one client address and no fixed rate, and reads bodies to their last byte."""
        return not self.tls and self.is_tiny and not self.is_paced and self.addresses == 0


MIXED = (
    Scenario("requests", "tiny requests over 32 connections", 32, per_second=4_000),
    Scenario("connections", "a connection for each request", 32, each=True, per_second=1_000),
    Scenario("pages", "64 KiB bodies", 8, path="/body-64KiB", per_second=300),
    Scenario("files", "16 MiB bodies", 2, path="/body-16MiB", per_second=4),
)

ALL = {one.name: one for one in (
    Scenario("keepalive-1", "one connection that stays, tiny requests", 1),
    Scenario("keepalive", "64 connections that stay, tiny requests", 64),
    Scenario("keepalive-1000", "1 000 connections that stay, tiny requests", 1_000),
    Scenario("connections", "a connection for each tiny request, 64 at a time, from one client address", 64, each=True),
    Scenario("connections-32", "a connection for each tiny request, 64 at a time, from 32 client addresses", 64, each=True, addresses=32),
    Scenario("latency", "tiny requests at half of the slowest one's rate, 64 connections that stay", 64, share=0.5),
    Scenario("latency-quarter", "tiny requests at a quarter of the slowest one's rate, 64 connections that stay", 64,
             share=0.25),
    Scenario("bulk", "16 MiB bodies, 8 connections that stay", 8, path="/body-16MiB", per_byte=True),
    Scenario("bulk-64k", "64 KiB bodies, 8 connections that stay", 8, path="/body-64KiB", per_byte=True),
    Scenario("mixed", "at once: " + ", ".join(f"{one.per_second:g}/s {one.about}" for one in MIXED), parts=MIXED),
    Scenario("tls-handshakes", "TLS ends at the proxy: a handshake in full for each tiny request, 64 at a time", 64, each=True,
             tls="full"),
    Scenario("tls-resumed", "the same with a session that is resumed", 64, each=True, tls="resumed"),
    Scenario("tls-keepalive", "TLS ends at the proxy: 64 connections that stay, tiny requests", 64, tls="full"),
    Scenario("tls-bulk", "TLS ends at the proxy: 16 MiB bodies, 8 connections that stay", 8, path="/body-16MiB", per_byte=True,
             tls="full"),
    Scenario("sni-connections", "TLS passes through by its name: a connection for each tiny request, 64 at a time", 64,
             each=True, tls="hello"),
    Scenario("sni-keepalive", "TLS passes through by its name: 64 connections that stay, tiny requests", 64, tls="hello"),
)}
