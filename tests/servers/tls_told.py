#!/usr/bin/env python3
"""What backends are told of clients' TLS that ends at Weir: by headers of the PROXY protocol, in plain and before TLS.

HAProxy and nginx read what they know of; the rest of a header is read here (section 2.2 of the specification).
"""

import argparse
import dataclasses
import json
import socket
import struct
import threading

import common
import ending_client
import proxy_cases
import proxy_logs
from ending_authority import ECDSA, RSA, Authority, Certificate, bundle
from ending_house import SITE, certificates_of, listener
from peers import haproxy, nginx, process, weir
from proxy_logs import DEADLINE, HOST, Fields, expect_same

ANSWER = b"HTTP/1.0 200 OK\r\n\r\nok\n"
BACKEND = "backend.example"
ALPN = "http/1.1"
TLVS = ("authority", "alpn", "ssl", "unique_id", "crc32c")
# What the logs of those behind have besides the client.
HAPROXY = proxy_logs.HAPROXY_NAMED
NGINX = proxy_logs.NGINX_HTTP
VISITS = 5  # to each, one after the other


class Reader:
    """A server that reads a header, answers, and keeps what the header said."""

    def __init__(self) -> None:
        self.headers: list[bytes] = []
        self._listening = socket.create_server((HOST, 0), backlog=64)
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            with connection, connection.makefile("rb") as stream:
                connection.settimeout(DEADLINE)
                start = stream.read(16)
                self.headers.append(start + stream.read(struct.unpack("!H", start[14:])[0]))
                while stream.readline(65536) not in (b"\r\n", b""):
                    pass
                connection.sendall(ANSWER)


def _parts(data: bytes) -> dict[int, bytes]:
    """TLVs by their kinds."""
    found = {}
    while data:
        kind, size = struct.unpack("!BH", data[:3])
        common.expect(kind not in found and len(data) >= 3 + size, f"TLVs are broken: {data!r}")
        found[kind], data = data[3:3 + size], data[3 + size:]
    return found


def read_header(header: bytes) -> Fields:
    """What it says, by the specification's names, with a checksum that is right."""
    common.expect(header[:12] == proxy_cases.SIGNATURE and header[12:14] == b"\x21\x11", f"no such header: {header!r}")
    tlvs = _parts(header[28:])
    at = header.index(b"\x03\x00\x04" + tlvs[0x03]) + 3
    right = proxy_cases.crc32c(header[:at] + bytes(4) + header[at + 4:])
    common.expect(struct.unpack("!I", tlvs[0x03])[0] == right, f"the checksum is not {right}: {header!r}")
    port, = struct.unpack("!H", header[24:26])
    said = {"client": f"{socket.inet_ntoa(header[16:20])}:{port}", "alpn": tlvs.get(0x01, b"").decode(),
            "server_name": tlvs[0x02].decode(), "id": tlvs[0x05].decode()}
    flags, verify = struct.unpack("!BI", tlvs[0x20][:5])
    within = {name: value.decode() for kind, name in {0x21: "version", 0x22: "cn", 0x23: "cipher", 0x24: "sig_alg",
              0x25: "key_alg"}.items() if (value := _parts(tlvs[0x20][5:]).get(kind)) is not None}
    return said | within | {"flags": f"{flags:03b}", "verify": str(verify)}


@dataclasses.dataclass
class Scene:
    work: process.Workspace
    server: weir.Weir
    ports: dict[str, int]
    trusted: str
    client: Certificate
    reader: Reader
    _visits: int = 0

    def visit(self, listener_name: str, *options: str, with_certificate: bool = False) -> tuple[ending_client.Said, Fields]:
        """What a client says, and Weir's line about it."""
        self._visits += 1
        source = f"127.1.0.{self._visits}"
        own = ("-cert", self.client.chain, "-cert_chain", self.client.chain, "-key", self.client.key)
        said = ending_client.ask(self.ports[listener_name], source, self.trusted, "-alpn", ALPN,
                                 *(own if with_certificate else ()), *options, name=SITE)
        said.expect(verified="OK", alpn=ALPN)

        def lines() -> list[Fields]:
            return proxy_logs.sessions(self.work, listener_name, f"{source}:")
        proxy_logs.wait_for(lines, 1, f"Weir's log about {source}")
        return said, lines()[0]


def start_haproxy(work: process.Workspace, name: str, words: str) -> int:
    """The port at which it takes headers, and then what the words say; it answers itself."""
    port = work.free_port()
    haproxy.start(work, name, HOST, work.free_port(), [], mode="http", log_format=HAPROXY, rules=[
        f"bind {HOST}:{port} accept-proxy {words}",
        r'http-request return status 200 content-type text/plain string "ok\n"'])
    return port


def start_nginx(work: process.Workspace, name: str, certificate: Certificate) -> int:
    """The port at which it takes headers, and then TLS."""
    port = work.free_port()
    nginx.start_http(work, name, [HOST], work.free_port(), zones=[f"log_format weir {NGINX}"], rules=[
        f"listen {HOST}:{port} ssl proxy_protocol", f"set_real_ip_from {HOST}", "real_ip_header proxy_protocol",
        f"ssl_certificate {certificate.chain}", f"ssl_certificate_key {certificate.key}",
        "ssl_protocols TLSv1.2 TLSv1.3", f"access_log {work.path}/{name}.access.log weir"])
    return port


def start(work: process.Workspace, given: argparse.Namespace) -> Scene:
    rsa, ecdsa = Authority(work, "rsa_authority", RSA), Authority(work, "ecdsa_authority", ECDSA)
    clients, behind = Authority(work, "client_authority", ECDSA), ecdsa.issue("behind", BACKEND)
    reader, trusted = Reader(), bundle(work, "trusted", [rsa, ecdsa])
    backends = {"reader": reader.port, "haproxy": start_haproxy(work, "haproxy", ""),
                "haproxy_tls": start_haproxy(work, "haproxy_tls", f"ssl crt {behind.both}"),
                "nginx_tls": start_nginx(work, "nginx_tls", behind)}
    ports = {name: work.free_port() for name in backends}
    shown, rules = list(certificates_of(rsa, ecdsa).values()), ""
    for name, backend in backends.items():
        tlvs = TLVS if name != "nginx_tls" else ("unique_id", "crc32c")  # nginx 1.22 takes short headers only
        rules += listener(name, ports[name], name, shown, f'alpn = ["{ALPN}"]\nclient_verify = "optional"\n'
                                                          f'client_ca = "{clients.path}"\n')
        rules += (f'[pools.{name}]\nbackends = ["{HOST}:{backend}"]\nsend_proxy = "v2"\n'
                  f"proxy_tlvs = {json.dumps(tlvs)}\n")
        if name.endswith("_tls"):
            rules += f'[pools.{name}.tls]\nca = "{trusted}"\nserver_name = "{BACKEND}"\n'
    nobody = f"{HOST}:{work.free_port()}"
    common.give_files(work, given.user)
    server = weir.start(work, given.weir, [nobody], workers="2", sessions="all", user=given.user, rules=rules)
    common.expect_user(server, given.user)
    return Scene(work, server, ports, trusted, clients.issue("alice", use="clientAuth"), reader)


CIPHERS = {"-tls1_2": (("-cipher", "ECDHE-RSA-AES128-GCM-SHA256"), "RSA2048", "RSA-SHA256"),
           "-tls1_3": ((), "EC256", "ecdsa-with-SHA256")}


def read(scene: Scene) -> None:
    """Every part of a header, for clients with a certificate and without, for new sessions and for resumed ones."""
    for version, (options, kind, signature) in CIPHERS.items():
        for certified in (False, True):
            file = str(scene.work.path / f"{version}{certified}.session")
            for resumed, more in enumerate((("-sess_out", file), ("-sess_in", file))):
                said, line = scene.visit("reader", version, *options, *more, with_certificate=certified)
                common.expect(said.tells("how") == ("Reused" if resumed else "New"), f"{said} is {said.tells('how')}")
                wanted = {"client": line["client"], "alpn": ALPN, "server_name": SITE, "id": line["id"],
                          "version": said.tells("version"), "cipher": said.tells("cipher"), "key_alg": kind,
                          "sig_alg": signature}
                # PP2_CLIENT_SSL, and the certificate's two: shown on this connection, and in this session.
                wanted |= {"flags": "001", "verify": "1"} if not certified else \
                    {"flags": "101" if resumed else "111", "verify": "0", "cn": "alice"}
                got = read_header(scene.reader.headers[-1])
                if resumed:  # Weir has shown no certificate then
                    del wanted["key_alg"], wanted["sig_alg"]
                common.expect(got == wanted, f"{said}: {wanted} should have been told, and it is {got}")


def by_haproxy(scene: Scene) -> None:
    """HAProxy knows the client, its name and Weir's id, from a header in front of plain bytes and of TLS."""
    for name in ("haproxy", "haproxy_tls"):
        lines = [scene.visit(name)[1] for _ in range(VISITS)]
        proxy_logs.wait_for(lambda: proxy_logs.entries(scene.work, name, HAPROXY, "127.1."), VISITS, f"{name}'s log")
        expect_same(f"the log of {name}", lines, proxy_logs.entries(scene.work, name, HAPROXY, "127.1."),
                    "client", "id", "server_name")


def by_nginx(scene: Scene) -> None:
    """nginx knows the client from a header in front of TLS."""
    lines = [scene.visit("nginx_tls")[1] for _ in range(VISITS)]
    name = "nginx_tls.access"
    # In HTTP/1.0, which that log's format is not read for, the client is what counts.
    process.wait_until(lambda: scene.work.log(name).count("client=127.1.") >= VISITS, "nginx's log", DEADLINE)
    told = [line.rpartition("client=")[2] for line in scene.work.log(name).splitlines()]
    common.expect(sorted(told) == sorted(line["client"] for line in lines), f"nginx's log has the clients {told}")


PARTS = (read, by_haproxy, by_nginx)


def test() -> None:
    given = common.arguments(__doc__).parse_args()
    common.need_root_for(given.user)
    for program in ("openssl", "nginx", "haproxy"):
        process.need(program, program)
    with process.Workspace() as work:
        scene = start(work, given)
        for part in PARTS:
            print(f"-- {part.__doc__}", flush=True)
            part(scene)
        common.expect_ends_well(scene.server)


if __name__ == "__main__":
    common.main(test)
