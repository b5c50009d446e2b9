"""Weir with servers of TLS behind it, and an account of who visits them, as its log must have it."""

import argparse
import collections
import dataclasses
from typing import Any

import common
import proxy_logs
import tls_servers
from peers import haproxy, postgresql, process, weir
from proxy_fronts import metric
from proxy_logs import HOST, Fields, expect_same
from proxy_servers import sending_pool
from tls_clients import Visit
from tls_servers import ECDSA, RSA, PythonServer

SOURCES = "127.1."   # every visit comes from an address of its own in there
ACME = "acme-tls/1"  # the protocol of RFC 8737, which is for any name
REASONS = ("route", "no_route", "not_tls", "nothing", "malformed", "too_long", "cut")

# Who has a key of which kind, and which hosts are in its certificate. Two are for the same name: only the
# protocol decides which of them answers, and its certificate shows which it was.
KINDS = {"shop": RSA, "wild": ECDSA, "h2": ECDSA, "http1": RSA, "acme": ECDSA, "members": ECDSA, "rest": RSA,
         "proxied": ECDSA, "database": RSA}
HOSTS = {"shop": ["shop.example", "told.example"], "wild": ["*.shop.example", "*.deep.shop.example"],
         "h2": ["api.example"], "http1": ["api.example"], "acme": ["new.example"],
         "members": ["members.example"],
         "rest": ["unknown.example", HOST], "proxied": ["proxied.example"], "database": ["db.example"]}
# The pools of servers that take no header of the PROXY protocol.
NO_PROXY = ("shop", "wild", "h2", "http1", "acme", "members", "rest", "plain", "database")


def route(listener: str, pool: str, names: str = "", alpn: str = "") -> str:
    return f'[[listeners.{listener}.routes]]\nserver_names = [{names}]\nalpn = [{alpn}]\npool = "{pool}"\n'


NAMED = (route("named", "wild", '"*.shop.example"') + route("named", "http1", '"api.example"')
         + route("named", "acme", alpn=f'"{ACME}"') + route("named", "shop", '"shop.example"')
         + route("named", "h2", '"api.example"', '"h2"') + route("named", "members", '"members.example"')
         + route("named", "told", '"told.example"'))
STRICT = route("strict", "shop", '"shop.example"')
MIXED = route("mixed", "shop", '"shop.example"')
PROXIED = route("proxied", "proxied", '"proxied.example"')


@dataclasses.dataclass
class House:
    work: process.Workspace
    server: weir.Weir
    certificates: dict[str, str]  # of servers, and of a client
    ports: dict[str, int]         # of listeners
    visits: list[Fields] = dataclasses.field(default_factory=list)
    counted: collections.Counter[tuple[str, str]] = dataclasses.field(default_factory=collections.Counter)

    def visit(self, listener: str, name: str, wanted: str, *, hello: str = "route", port: int = 0,
              pool: str = "", logged: Fields | None = None, **more: Any) -> Visit:
        """One by a client that trusts the server `wanted`, for the account.

        `hello` is how its ClientHello is counted; of its line in the log `logged` has to be known besides the
        listener, the client, its name and the pool, which is called like the server.
        """
        number = len(self.visits)
        visit = Visit(port or self.ports[listener], f"{SOURCES}{number // 250}.{1 + number % 250}", name,
                      self.certificates[wanted], **more)
        fields = {"listener": listener, "remote": visit.source, "pool": pool or wanted}
        if visit.server_name:
            fields["server_name"] = visit.server_name.lower()
        self.visits.append(fields | (logged or {}))
        self.counted[listener, hello] += 1
        return visit


def _listener(name: str, port: int, pool: str, tls: str = "", more: str = "") -> str:
    # A busy machine may take its time for a ClientHello.
    return (f'[listeners.{name}]\nbind = "{HOST}:{port}"\npool = "{pool}"\npreread_timeout = "1m"\n{more}'
            f'[listeners.{name}.tls]\nmode = "passthrough"\n{tls}')


def _rules(ports: dict[str, int], servers: dict[str, int]) -> str:
    trusting = 'accept_proxy = "required"\nproxy_trust = ["127.0.0.0/8"]\n'
    rules = _listener("named", ports["named"], "rest") + NAMED
    rules += _listener("strict", ports["strict"], "rest", 'no_route = "refuse"\n') + STRICT
    rules += _listener("mixed", ports["mixed"], "plain", 'not_tls = "pool"\n') + MIXED
    rules += _listener("proxied", ports["proxied"], "rest", more=trusting) + PROXIED
    rules += _listener("database", ports["database"], "database", 'not_tls = "pool"\n')
    for name in NO_PROXY:
        rules += f'[pools.{name}]\nbackends = ["{HOST}:{servers[name]}"]\n'
    return (rules + sending_pool("proxied", servers["proxied"], "v2")
            + sending_pool("told", servers["told"], "v2", '"authority", "unique_id"'))


def _start_servers(work: process.Workspace, certificates: dict[str, str]) -> dict[str, int]:
    ports = {"wild": tls_servers.start_openssl(work, "wild", certificates["wild"]),
             "database": postgresql.Cluster(work, certificate=certificates["database"]).port}
    # No client guesses that group at first, so in TLS 1.3 this server asks each for a second ClientHello.
    ports["h2"], _ = tls_servers.start_nginx(work, "h2", certificates["h2"], "http2",
                                             rules=["ssl_ecdh_curve secp384r1"])
    ports["http1"], ports["plain"] = tls_servers.start_nginx(work, "http1", certificates["http1"],
                                                             rules=["ssl_early_data on"])
    ports["proxied"], _ = tls_servers.start_nginx(
        work, "proxied", certificates["proxied"], "proxy_protocol",
        zones=[f"log_format weir {proxy_logs.NGINX_HTTP}"],
        rules=[f"set_real_ip_from {HOST}", "real_ip_header proxy_protocol",
               f"access_log {work.path}/proxied.access.log weir"])
    for name, more in {"shop": {}, "acme": {"alpn": [ACME]}, "rest": {},
                       "members": {"clients": certificates["client"]}}.items():
        ports[name] = PythonServer(name, certificates[name], **more).port
    ports["told"] = work.free_port()
    haproxy.start(work, "told", HOST, work.free_port(), [f"{HOST}:{ports['shop']}"],
                  log_format=proxy_logs.HAPROXY_NAMED, rules=[f"bind {HOST}:{ports['told']} accept-proxy"])
    return ports


def start(work: process.Workspace, given: argparse.Namespace) -> House:
    """Its listener "front", of PostgreSQL, knows nothing of TLS."""
    certificates = {name: tls_servers.make_certificate(work, name, kind, *HOSTS[name])
                    for name, kind in KINDS.items()}
    certificates["client"] = tls_servers.make_certificate(work, "client", ECDSA, "client.example")
    servers = _start_servers(work, certificates)
    ports = {name: work.free_port() for name in ("named", "strict", "mixed", "proxied", "database")}
    server = weir.start(work, given.weir, [f"{HOST}:{servers['database']}"], workers="2", sessions="all",
                        user=given.user, rules=_rules(ports, servers))
    common.expect_user(server, given.user)
    return House(work, server, certificates, ports | {"front": server.port})


def sessions(house: House, pool: str = "") -> list[Fields]:
    """Weir's lines about the visits, or those that came to that pool."""
    lines = [line for listener in house.ports for line in proxy_logs.sessions(house.work, listener, SOURCES)]
    return [{**line, "remote": line["client"].rpartition(":")[0]} for line in lines
            if pool in ("", line["pool"])]


def expect_account(house: House) -> None:
    """Weir's log has every visit, and its metrics have as many."""
    proxy_logs.wait_for(lambda: sessions(house), len(house.visits), "Weir's log about the visits")
    lines = {line["remote"]: line for line in sessions(house)}
    expect_same("visits", house.visits, sessions(house), "listener", "remote", "pool", "server_name")
    for visit in house.visits:
        line = lines[visit["remote"]]
        is_served = line["state"] != "preread"
        common.expect(visit.items() <= line.items(), f"{visit} is not in {line}")
        common.expect((int(line["upload"]) > 0, int(line["download"]) > 0) == (is_served, is_served),
                      f"{visit} has moved other bytes: {line}")
    for listener in (name for name in house.ports if name != "front"):
        for reason in REASONS:
            wanted = house.counted[listener, reason]
            got = metric(house.server, "weir_client_hellos_total", listener=listener, reason=reason)
            common.expect(got == wanted,
                          f"{wanted} ClientHellos at {listener} were {reason}, Weir counts {got:.0f}")
    in_all = metric(house.server, "weir_client_hellos_total")
    common.expect(in_all == house.counted.total(), f"{in_all:.0f} ClientHellos are counted in all")
