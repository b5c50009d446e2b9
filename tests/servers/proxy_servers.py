"""Servers behind Weir that take headers, their clients, and what they and Weir have to say of them."""

import dataclasses
import re
import socket
import subprocess
from collections.abc import Iterable, Sequence

import common
import proxy_logs
from peers import haproxy, nginx, process
from proxy_logs import CHECKS, DEADLINE, HOST, Fields, expect_same

SINGLE, KEPT = 12, 5  # requests with a connection each, and on one that is kept
_NO_ID = "-"          # as HAProxy's log has it where there is none


@dataclasses.dataclass(frozen=True)
class Server:
    """A server behind Weir."""

    name: str
    log: str             # its log's name
    form: str            # and format
    keys: Sequence[str]  # what that says of a request, or of a connection where it knows no requests

    @property
    def knows_requests(self) -> bool:
        return self.name.endswith("http")


NGINX_HTTP = Server("nginx_http", "nginx_http.access", proxy_logs.NGINX_HTTP,
                    ("client", "remote", "path", "status"))
NGINX_STREAM = Server("nginx_stream", "nginx_stream.access", proxy_logs.NGINX_STREAM,
                      ("client", "remote", "status"))
HAPROXY_HTTP = Server("haproxy_http", "haproxy_http", proxy_logs.HAPROXY_HTTP, ("client", "status", "id"))
HAPROXY_TCP = Server("haproxy_tcp", "haproxy_tcp", proxy_logs.HAPROXY_TCP, ("client", "id"))
ALL = (NGINX_HTTP, NGINX_STREAM, HAPROXY_HTTP, HAPROXY_TCP)


def sending_pool(name: str, backend: int, version: str, tlvs: str = '"unique_id", "crc32c"') -> str:
    more = f"proxy_tlvs = [{tlvs}]\n" if version == "v2" else ""
    return f'[pools.{name}]\nbackends = ["{HOST}:{backend}"]\nsend_proxy = "{version}"\n{more}'


@dataclasses.dataclass(frozen=True)
class Way:
    """A listener and a pool of Weir, both of its name, that lead to one of the servers."""

    server: Server
    version: str
    check: str
    number: int

    @property
    def name(self) -> str:
        return f"{self.server.name}_{self.version}_{self.check}"

    @property
    def client(self) -> str:
        """The address of its client."""
        return f"127.0.{100 + self.number}.1"

    @property
    def check_path(self) -> str:
        return f"/?check_of_{self.name}"

    def rules(self, port: int, backend: int) -> str:
        """No client gets through before checks have passed."""
        text = (f'[listeners.{self.name}]\nbind = "{HOST}:{port}"\npool = "{self.name}"\n'
                + sending_pool(self.name, backend, self.version)
                + f'[pools.{self.name}.health]\ntype = "{self.check}"\ninitial = "down"\n'
                  'interval = "500ms"\ntimeout = "500ms"\n')
        if self.check == "http":
            text += f'http = {{ path = "{self.check_path}", body_contains = "ok" }}\n'
        return text


def _nginx_rules(work: process.Workspace, server: Server, port: int) -> dict[str, list[str]]:
    """What nginx needs to take headers at that port, as the page says, and to log what they say."""
    rules = [f"listen {HOST}:{port} proxy_protocol", f"set_real_ip_from {HOST}"]
    if server is NGINX_HTTP:
        rules.append("real_ip_header proxy_protocol")
    return {"zones": [f"log_format weir {server.form}"],
            "rules": [*rules, f"access_log {work.path}/{server.log}.log weir"]}


def _start_one(work: process.Workspace, server: Server, plain: int, port: int, backend: str) -> None:
    accepting = f"bind {HOST}:{port} accept-proxy"
    if server is NGINX_HTTP:
        nginx.start_http(work, server.name, [HOST], plain, **_nginx_rules(work, server, port))
    elif server is NGINX_STREAM:
        nginx.start_stream(work, server.name, HOST, plain, [backend], **_nginx_rules(work, server, port))
    elif server is HAPROXY_HTTP:
        answer = r'http-request return status 200 content-type text/plain string "ok\n"'
        haproxy.start(work, server.name, HOST, plain, [], mode="http", log_format=server.form,
                      rules=[accepting, answer])
    else:
        haproxy.start(work, server.name, HOST, plain, [backend], log_format=server.form, rules=[accepting])


def start(work: process.Workspace, servers: Sequence[Server] = ALL) -> dict[Server, int]:
    """The port of each that takes headers. Whether they run is asked at another one, which takes none; those
    that do not answer themselves ask nginx there."""
    plain = {server: work.free_port() for server in servers}
    ports = {server: work.free_port() for server in servers}
    for server, port in ports.items():
        _start_one(work, server, plain[server], port, f"{HOST}:{plain[NGINX_HTTP]}")
    return ports


def curl(port: int, client: str, paths: str, *options: str) -> list[Fields]:
    """Asks for the paths, in curl's way of writing several, and gets what logs have to say of each."""
    told = "%{local_ip} %{local_port} %{response_code} %{url_effective}\\n"
    argv = ["curl", "--silent", "--show-error", "--max-time", str(DEADLINE), "--noproxy", "*",
            "--interface", client, "--write-out", told, *options, f"http://{HOST}:{port}{paths}"]
    done = subprocess.run(process.with_parent(argv), capture_output=True, text=True, check=False,
                          timeout=2 * DEADLINE)
    lines = done.stdout.splitlines()
    common.expect(done.returncode == 0 and set(lines[::2]) == {"ok"},
                  f"curl ended with status {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
    asked = []
    for line in lines[1::2]:
        host, own_port, status, url = line.split(" ")
        asked.append({"client": f"{host}:{own_port}", "remote": host, "status": status,
                      "path": url.removeprefix(f"http://{HOST}:{port}")})
    return asked


def ask(port: int, name: str, client: str) -> list[Fields]:
    """Requests with a connection each, and some on one."""
    single = curl(port, client, f"/?{name}_single_[1-{SINGLE}]", "--header", "Connection: close")
    kept = curl(port, client, f"/?{name}_kept_[1-{KEPT}]")
    common.expect((len(connections(single)), len(connections(kept))) == (SINGLE, 1) and len(kept) == KEPT,
                  f"curl's connections are not as they should be: {single} {kept}")
    return single + kept


def connections(asked: Iterable[Fields]) -> list[Fields]:
    """One request of each."""
    return list({one["client"]: one for one in asked}.values())


def entries(work: process.Workspace, server: Server, network: str = "") -> list[Fields]:
    """The lines of its log about clients whose addresses begin so."""
    return proxy_logs.entries(work, server.log, server.form, network)


def wait_for_log(work: process.Workspace, server: Server, network: str, asked: Sequence[Fields]) -> None:
    count = len(asked if server.knows_requests else connections(asked))
    proxy_logs.wait_for(lambda: entries(work, server, network), count, f"the log of {server.name}")


def expect_joined(work: process.Workspace, way: Way, asked: Sequence[Fields]) -> None:
    """Every connection is in Weir's log and every request in the server's, once and with the same client; the
    server knows Weir's id where it was told one."""
    network = f"{way.client}:"
    lines = proxy_logs.sessions(work, way.name, network)
    expect_same(f"connections to {way.name} in Weir's log", connections(asked), lines, "client")
    ids = {line["client"]: line["id"] if way.version == "v2" else _NO_ID for line in lines}
    wanted = [{**one, "id": ids[one["client"]]} for one in asked]
    expect_same(f"the log of {way.name}", wanted if way.server.knows_requests else connections(wanted),
                entries(work, way.server, network), *way.server.keys)


def expect_checks_logged(work: process.Workspace, way: Way) -> None:
    """nginx has answered the checks: one with LOCAL has no client, and one in version 1 is its own."""
    found = entries(work, way.server)
    clients = [entry["client"] for entry in found if entry["path"] == way.check_path]
    wanted = r"-:-" if way.version == "v2" else rf"{re.escape(HOST)}:\d+"
    common.expect(len(clients) >= CHECKS and all(re.fullmatch(wanted, one) for one in clients),
                  f"the clients of {way.check_path} are not all {wanted}: {clients}")


def expect_headers_understood(work: process.Workspace, server: Server, port: int) -> None:
    """nginx's log of errors has no word about a header, and has one once there is something to say."""
    def complains() -> bool:
        return "PROXY protocol" in work.log(server.name)
    common.expect(not complains(), f"{server.name} complains of a header: {work.log(server.name)[:500]}")
    with socket.create_connection((HOST, port), DEADLINE) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        process.wait_until(complains, f"{server.name} to complain that there is no header", DEADLINE)
