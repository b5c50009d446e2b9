#!/usr/bin/env python3
"""The PROXY protocol among neighbours: nginx and HAProxy in front of Weir, behind it, and Weir between them.

What a neighbour writes into its log about a client has to be what Weir's log says of it, every time and once.
"""

import argparse
import itertools
import ssl
import subprocess
from collections.abc import Sequence

import common
import proxy_fronts
import proxy_logs
import proxy_servers
from peers import haproxy, nginx, process, weir
from proxy_fronts import Front, Mirror, Wrap, accepting_listener, expect_nobody_turned_away, metric
from proxy_logs import CHECKS, DEADLINE, HOST, Fields, expect_same
from proxy_servers import NGINX_HTTP, NGINX_STREAM, Way, connections, sending_pool


def start_weir(work: process.Workspace, given: argparse.Namespace, rules: str,
               name: str = "weir") -> weir.Weir:
    """With the listeners of `rules`, and one more at which it is asked whether it runs."""
    nobody = f"{HOST}:{work.free_port()}"
    server = weir.start(work, given.weir, [nobody], name=name, sessions="all", user=given.user, rules=rules)
    common.expect_user(server, given.user)
    return server


FRONTS = (
    Front("haproxy_v1", 1, "send-proxy"),
    Front("haproxy_v2", 2, "send-proxy-v2"),
    Front("haproxy_v2_ssl", 3, "send-proxy-v2-ssl"),
    Front("haproxy_v2_more", 4, "send-proxy-v2 proxy-v2-options unique-id,crc32c,authority", tells_id=True),
    Front("nginx", 5),
)


def in_front(given: argparse.Namespace) -> None:
    """Each proxy in front of Weir, with clients and checks."""
    with process.Workspace() as work:
        ports = {front: work.free_port() for front in FRONTS}
        rules = f'[pools.mirror]\nbackends = ["{HOST}:{Mirror().port}"]\n'
        rules += "".join(accepting_listener(front.name, port, "mirror") for front, port in ports.items())
        server = start_weir(work, given, rules)
        said = {front: proxy_fronts.converse(proxy_fronts.start(work, front, port), front.network)
                for front, port in ports.items()}
        for front in FRONTS:
            proxy_fronts.wait_for_logs(work, front, len(said[front]))
            if front.options:
                proxy_fronts.expect_checked(work, server, front)
        expect_nobody_turned_away(server)
        common.expect_ends_well(server)
        for front in FRONTS:
            proxy_fronts.expect_sessions(work, front, said[front])
            proxy_fronts.expect_joined(work, front)
            print(f"{front.name}: {len(said[front])} conversations, "
                  f"{len(proxy_fronts.checks(work, front))} checks", flush=True)


NAME, PROTOCOL = "neighbours.example", "mirror"  # what a client of TLS asks for, and speaks
EVERYTHING = "ssl-cipher,cert-key,cert-sig,authority,crc32c,unique-id"
TLS = Front("tls", 6, f"send-proxy-v2-ssl-cn proxy-v2-options {EVERYTHING}", tells_id=True)


def make_certificate(work: process.Workspace) -> str:
    """A file with a key and a certificate that vouches for itself."""
    path = work.path / "front.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}", "-days", "2",
            "-keyout", str(path)]
    made = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=DEADLINE)
    common.expect(made.returncode == 0, f"openssl made no certificate: {made.stderr}")
    path.write_text(path.read_text(encoding="ascii") + made.stdout, encoding="ascii")
    return str(path)


def in_tls(certificate: str) -> Wrap:
    context = ssl.create_default_context(cafile=certificate)
    context.set_alpn_protocols([PROTOCOL])
    return lambda connection: context.wrap_socket(connection, server_hostname=NAME)


def start_named(work: process.Workspace) -> int:
    """The port of a HAProxy that is told the name that clients ask for, in front of a mirror."""
    port = work.free_port()
    haproxy.start(work, "named", HOST, work.free_port(), [f"{HOST}:{Mirror().port}"],
                  log_format=proxy_logs.HAPROXY_NAMED, rules=[f"bind {HOST}:{port} accept-proxy"])
    return port


def named_entries(work: process.Workspace) -> list[Fields]:
    return proxy_logs.entries(work, "named", proxy_logs.HAPROXY_NAMED, TLS.network)


def told_besides(given: argparse.Namespace) -> None:
    """What HAProxy knows of its clients' TLS, told to Weir, and by Weir to another HAProxy."""
    with process.Workspace() as work:
        certificate, port = make_certificate(work), work.free_port()
        tlvs = '"authority", "alpn", "ssl", "unique_id", "crc32c"'
        rules = accepting_listener(TLS.name, port, "named")
        rules += sending_pool("named", start_named(work), "v2", tlvs)
        server = start_weir(work, given, rules)
        entrance = proxy_fronts.start(work, TLS, port, f"ssl crt {certificate} alpn {PROTOCOL}")
        said = proxy_fronts.converse(entrance, TLS.network, in_tls(certificate))
        proxy_fronts.wait_for_logs(work, TLS, len(said))
        proxy_logs.wait_for(lambda: named_entries(work), len(said), "the log of the HAProxy behind")
        expect_nobody_turned_away(server)
        common.expect_ends_well(server)
        told = [{**one, "server_name": NAME, "alpn": PROTOCOL} for one in said]
        proxy_fronts.expect_sessions(work, TLS, told)
        proxy_fronts.expect_joined(work, TLS)
        expect_same("the log of the HAProxy behind", proxy_fronts.sessions(work, TLS), named_entries(work),
                    "client", "id", "server_name")


WAYS = [Way(server, version, check, number) for number, (server, version, check)
        in enumerate(itertools.product(proxy_servers.ALL, ("v1", "v2"), ("http", "tcp")))]


def wait_until_checked(server: weir.Weir) -> None:
    """Every server has passed its checks."""
    def least() -> float:
        passed = server.values("weir_backend_checks_passed_total", "pool")
        return min(passed[way.name] for way in WAYS)
    process.wait_until(lambda: least() >= CHECKS, "checks of each pool to pass", DEADLINE)


def expect_up(work: process.Workspace, server: weir.Weir) -> None:
    """None was down once it was up."""
    for way in WAYS:
        is_up = metric(server, "weir_backend_state", pool=way.name, state="up") == 1
        common.expect(is_up, f"{way.name} is not up")
    told = [line for line in work.log("weir").splitlines() if " backend_down " in line]
    common.expect(not told, f"checks fail: {told[:3]}")


def behind(given: argparse.Namespace) -> None:
    """Each server behind Weir, in both versions, with clients and checks."""
    with process.Workspace() as work:
        ports = {way: work.free_port() for way in WAYS}
        servers = proxy_servers.start(work)
        rules = "".join(way.rules(port, servers[way.server]) for way, port in ports.items())
        server = start_weir(work, given, rules)
        wait_until_checked(server)
        asked = {way: proxy_servers.ask(port, way.name, way.client) for way, port in ports.items()}
        for way in WAYS:
            proxy_servers.wait_for_log(work, way.server, f"{way.client}:", asked[way])
        expect_up(work, server)
        common.expect_ends_well(server)
        for way in WAYS:
            proxy_servers.expect_joined(work, way, asked[way])
            if way.server is NGINX_HTTP and way.check == "http":
                proxy_servers.expect_checks_logged(work, way)
        for one in (NGINX_HTTP, NGINX_STREAM):
            proxy_servers.expect_headers_understood(work, one, servers[one])
        print(f"{len(WAYS)} ways, {sum(map(len, asked.values()))} requests", flush=True)


# Clients of the one come to the server through one Weir, those of the other through two.
ONCE = Front("once", 7, "send-proxy-v2 proxy-v2-options unique-id", tells_id=True)
TWICE = Front("twice", 8, "send-proxy-v2 proxy-v2-options unique-id,crc32c", tells_id=True)
CURL = "127.0.19.1"  # a client that sends the header itself


def expect_same_client(work: process.Workspace, listener: str, network: str, asked: Sequence[Fields],
                       name: str = "weir") -> None:
    """Weir, at that listener, and nginx at the end know the first client, every time."""
    expect_same(f"nginx's log behind {listener}", asked, proxy_servers.entries(work, NGINX_HTTP, network),
                *NGINX_HTTP.keys)
    expect_same(f"{name}'s log about {listener}", connections(asked),
                proxy_logs.sessions(work, listener, network, name=name), "client")


def expect_ids_handed_on(work: process.Workspace) -> None:
    """What is `id` to the first Weir is `proxy_id` to the second."""
    lines = proxy_fronts.sessions(work, TWICE)
    first = [{"client": line["client"], "proxy_id": line["id"]} for line in lines]
    second = proxy_logs.sessions(work, "again", TWICE.network, name="second")
    expect_same("sessions that came through two Weirs", first, second, "client", "proxy_id")


def ask_as_front(port: int) -> list[Fields]:
    """curl tells Weir itself who it is, in version 1."""
    options = ("--haproxy-protocol", "--header", "Connection: close")
    return proxy_servers.curl(port, CURL, "/?curl_[1-10]", *options)


def start_chain(work: process.Workspace, given: argparse.Namespace,
                end: int) -> tuple[list[weir.Weir], dict[Front, int]]:
    """The two Weirs in front of the server, and the ports for the two fronts."""
    ports, again = {front: work.free_port() for front in (ONCE, TWICE)}, work.free_port()
    to_end = sending_pool("end", end, "v2")
    second = start_weir(work, given, accepting_listener("again", again, "end") + to_end, name="second")
    rules = accepting_listener(ONCE.name, ports[ONCE], "end") + to_end
    rules += accepting_listener(TWICE.name, ports[TWICE], "again") + sending_pool("again", again, "v2")
    return [start_weir(work, given, rules), second], ports


def between(given: argparse.Namespace) -> None:
    """Weir between a proxy and a server, which knows the first client."""
    with process.Workspace() as work:
        weirs, ports = start_chain(work, given, proxy_servers.start(work, [NGINX_HTTP])[NGINX_HTTP])
        entrances = {front: proxy_fronts.start(work, front, port) for front, port in ports.items()}
        asked = {front: proxy_servers.ask(port, front.name, f"{front.network}1")
                 for front, port in entrances.items()}
        by_curl = ask_as_front(ports[ONCE])
        for front in ports:
            proxy_fronts.wait_for_logs(work, front, len(connections(asked[front])))
            proxy_servers.wait_for_log(work, NGINX_HTTP, front.network, asked[front])
        proxy_servers.wait_for_log(work, NGINX_HTTP, CURL, by_curl)
        for server in weirs:
            expect_nobody_turned_away(server)
            common.expect_ends_well(server)
        for front in ports:
            expect_same_client(work, front.name, front.network, asked[front])
            proxy_fronts.expect_joined(work, front)
        expect_same_client(work, "again", TWICE.network, asked[TWICE], name="second")
        expect_ids_handed_on(work)
        expect_same_client(work, ONCE.name, CURL, by_curl)


def need_all() -> None:
    for program in ("nginx", "haproxy", "curl", "openssl"):  # Debian's packages have their names
        process.need(program, program)
    if not nginx.has_stream():
        process.skip("nginx's module stream is not installed (Debian's package: libnginx-mod-stream)")


def test() -> None:
    given = common.arguments(__doc__).parse_args()
    common.need_root_for(given.user)
    need_all()
    proxy_logs.expect_documented()
    for part in (in_front, told_besides, behind, between):
        print(f"-- {part.__doc__}", flush=True)
        part(given)


if __name__ == "__main__":
    common.main(test)
