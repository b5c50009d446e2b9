#!/usr/bin/env python3
"""The admin door of a running Weir against the document that describes it.

Every answer to a reading has to be as src/admin/openapi.json says, once there are sessions, refusals, names,
certificates and the like to show; and every path and method of it has to be one that the door knows.

usage: admin_api_test.py WEIR OPENAPI
"""

import argparse
import contextlib
import datetime
import gzip
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import sys
import urllib.parse
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

from peers import process  # noqa: E402
from peers.echo import echo  # noqa: E402
from peers.process import expect  # noqa: E402

try:
    import jsonschema
except ImportError:
    process.skip("jsonschema is not installed (Debian's package: python3-jsonschema)")

TOKEN = "0123456789abcdef0123456789abcdef"
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")

CONFIG = """\
[process]
workers = 2

[admin]
bind = "127.0.0.1:0"
token_file = "{token}"
hosts = ["weir"]

[listeners.web]
bind = ["127.0.0.1:0", "[::1]:0"]
pool = "web"
access.deny = ["127.0.0.66"]
[listeners.web.limits]
client_max_connections = 100

[listeners.secure]
bind = "127.0.0.1:0"
pool = "web"
preread_timeout = "1m"
[listeners.secure.tls]
mode = "terminate"
handshake_timeout = "1m"
certificates = [{{ chain = "{chain}", key = "{key}" }}]
[[listeners.secure.routes]]
server_names = ["b.example"]
pool = "narrow"

[listeners.narrow]
bind = "127.0.0.1:0"
pool = "narrow"

[pools.web]
backends = [{{ address = "{backend}", name = "a", max_connections = 1000 }}, "localhost:{port}",
            {{ address = "127.0.0.1:1", name = "spare", backup = true, weight = 7 }}]
source = ["127.0.0.1"]
[pools.web.health]
type = "tcp"
interval = "1s"

[pools.narrow]
backends = [{{ address = "{backend}", name = "one", max_connections = 1 }}]
queue_length = 10
queue_timeout = "1h"
"""


class Door:
    """The admin door, over TCP with the token."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.host, self.port = host.strip("[]"), int(port)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        with contextlib.closing(connection):
            headers = {"Authorization": f"Bearer {TOKEN}"}
            if body is not None:
                headers["Content-Type"] = "application/json"
            connection.request(method.upper(), path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.getheader("Content-Encoding") == "gzip":
                content = gzip.decompress(content)
            return answer.status, answer.getheader("Content-Type", ""), content

    def shown(self, path: str) -> Any:
        status, _, body = self.ask("GET", path)
        if status != 200:
            raise process.Failure(f"GET {path}: {status} {body!r}")
        return json.loads(body)


def make_certificate(work: process.Workspace) -> tuple[pathlib.Path, pathlib.Path]:
    chain, key = work.path / "site.pem", work.path / "site.key"
    subprocess.run([process.need("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=a.example", "-addext",
                    "subjectAltName=DNS:a.example", "-keyout", str(key), "-out", str(chain)],
                   check=True, capture_output=True)
    return chain, key


def start(work: process.Workspace, binary: str, port: int) -> dict[str, str]:
    """Weir; its addresses by listener, and the door's as "admin"."""
    chain, key = make_certificate(work)
    token = work.write("token", TOKEN + "\n")
    token.chmod(0o600)
    config = CONFIG.format(token=token, chain=chain, key=key, backend=f"127.0.0.1:{port}", port=port)
    server = work.spawn("weir", [str(pathlib.Path(binary).resolve()), "run", str(work.write("weir.toml", config))])

    def ready() -> re.Match[str] | None:
        if server.poll() is not None:
            raise process.Failure("weir ended at once")
        return re.search(r"^.*\bready\b.*\badmin=.*$", work.log("weir"), re.MULTILINE)

    process.wait_until(ready, "weir to be ready", 60)
    line = ready().group(0)
    addresses = dict(re.findall(r"(\w+)=([^\s,\"]+)", line))
    expect({"admin", "web", "secure", "narrow"} <= set(addresses), f"addresses are missing: {line}")
    return addresses


def connect(address: str, source: str = "127.0.0.1") -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=60, source_address=(source, 0))


def client_hello(context: ssl.SSLContext) -> bytes:
    outgoing = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="a.example").do_handshake()
    return outgoing.read()


def make_things_to_show(door: Door, addresses: dict[str, str]) -> list[socket.socket]:
    """Sessions of every kind, refusals and a reload; what is open stays so for as long as this is kept."""
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    clients = [connect(addresses["web"], f"127.0.0.{2 + i}") for i in range(6)]
    clients.append(trusting.wrap_socket(connect(addresses["secure"]), server_hostname="a.example"))
    for client in clients:
        client.sendall(b"hello")
        expect(client.recv(5) == b"hello", "the backend does not answer")
    clients += [connect(addresses["narrow"]) for _ in range(3)]
    clients += [connect(addresses["secure"]) for _ in range(2)]  # one of them says nothing
    clients[-1].sendall(client_hello(trusting))                  # and one no more than that
    for _ in range(3):
        with contextlib.suppress(ConnectionError), connect(addresses["web"], "127.0.0.66") as denied:
            denied.recv(1)
    for method, path, body in [("POST", "/v1/pools/web/backends", {"address": "127.0.0.1:2", "name": "new"}),
                               ("PATCH", "/v1/pools/web/backends/new", {"state": "drain"})]:
        status, _, answer = door.ask(method, path, body)
        expect(status == 200, f"{method} {path}: {status} {answer!r}")
    states = lambda: {one["state"] for one in door.shown("/v1/sessions")["sessions"]}  # noqa: E731
    process.wait_until(lambda: {"preread", "handshake", "connect", "relay"} <= states(), "sessions in every state")
    process.wait_until(lambda: door.shown("/v1/refusals")["refusals"], "refusals")
    process.wait_until(lambda: any(pool["names"] for pool in door.shown("/v1/pools")["pools"]), "names")
    return clients


def paths_of(door: Door, path: str) -> list[str]:
    """The path with everything that there is in place of its names."""
    pools = door.shown("/v1/pools")["pools"]
    sessions = [one["id"] for one in door.shown("/v1/sessions")["sessions"]]
    if path == "/v1/pools/{pool}/backends/{backend}":
        return [f"/v1/pools/{pool['name']}/backends/{urllib.parse.quote(backend['name'], safe='')}"
                for pool in pools for backend in pool["backends"]]
    if path == "/dashboard/{file}":
        named = re.findall(r'dashboard/([^"]+)"', door.ask("GET", "/")[2].decode("utf-8"))
        expect({"main.js", "chart.js", "style.css", "icon.svg"} <= set(named), f"the dashboard names {named}")
        return [f"/dashboard/{name}" for name in sorted(set(named))]
    values = {"{listener}": [one["name"] for one in door.shown("/v1/listeners")["listeners"]],
              "{pool}": [one["name"] for one in pools], "{session}": sessions}
    for name, each in values.items():
        if name in path:
            return [path.replace(name, urllib.parse.quote(value, safe="")) for value in each]
    return [path]


def check_answer(document: dict[str, Any], operation: dict[str, Any], path: str,
                 answer: tuple[int, str, bytes]) -> None:
    """The answer is one of those that the operation has, and as it says."""
    status, content_type, body = answer
    response = operation["responses"].get(str(status))
    expect(response is not None, f"{path}: {status} is none of {sorted(operation['responses'])}: {body!r}")
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
    expect(content_type in response["content"], f"{path}: {content_type} is none of {list(response['content'])}")
    text = body.decode("utf-8")
    value = json.loads(text) if content_type == "application/json" else text
    schema = {"allOf": [response["content"][content_type]["schema"]], "components": document["components"]}
    errors = sorted(jsonschema.Draft202012Validator(schema).iter_errors(value), key=lambda error: error.json_path)
    expect(not errors, f"{path} is not as it is described: "
                       + "; ".join(f"{error.json_path}: {error.message}" for error in errors[:5]))


def check_readings(door: Door, document: dict[str, Any]) -> int:
    """Each path that is read, with everything in place of its names; how many were."""
    count = 0
    for path, operations in document["paths"].items():
        for one in paths_of(door, path) if "get" in operations else []:
            answer = door.ask("GET", one)
            expect(answer[0] == 200, f"GET {one}: {answer}")
            check_answer(document, operations["get"], one, answer)
            count += 1
    for path in ("/v1/sessions?sort=bytes&limit=2", "/v1/sessions?limit=1", "/v1/sessions?limit=0", "/v1/clients?x=1"):
        check_answer(document, document["paths"][path.split("?")[0]]["get"], path, door.ask("GET", path))
    listeners = {one["name"]: one["pools"] for one in door.shown("/v1/listeners")["listeners"]}
    expect(listeners == {"web": ["web"], "secure": ["web", "narrow"], "narrow": ["narrow"]}, f"pools of listeners: {listeners}")
    check_answer(document, document["paths"]["/dashboard/{file}"]["get"], "/dashboard/no.js", door.ask("GET", "/dashboard/no.js"))
    for path in ("/v1/sessions/ffffffffffffffff", "/v1/sessions/x"):
        check_answer(document, document["paths"]["/v1/sessions/{session}"]["get"], path, door.ask("GET", path))
    return count


def check_changes(door: Door, document: dict[str, Any]) -> None:
    """What changes answer, done and refused."""
    backends, backend = "/v1/pools/{pool}/backends", "/v1/pools/{pool}/backends/{backend}"
    access, session = "/v1/listeners/{listener}/access/{side}", "/v1/sessions/{session}"
    some_session = door.shown("/v1/sessions?limit=1")["sessions"][0]["id"]
    network = {"network": "203.0.113.0/24"}
    for method, template, path, body, status in [
            ("post", backends, "/v1/pools/web/backends", {"address": "127.0.0.1:3"}, 200),
            ("post", backends, "/v1/pools/web/backends", {"address": "127.0.0.1:3"}, 409),
            ("post", backends, "/v1/pools/no/backends", {"address": "127.0.0.1:3"}, 404),
            ("post", backends, "/v1/pools/web/backends", {}, 400),
            ("patch", backend, "/v1/pools/web/backends/a", {"weight": 2}, 200),
            ("patch", backend, "/v1/pools/web/backends/no", {"weight": 2}, 404),
            ("patch", backend, "/v1/pools/web/backends/a", {"weight": -2}, 400),
            ("delete", backend, "/v1/pools/web/backends/new", None, 200),
            ("delete", backend, "/v1/pools/web/backends/new", None, 404),
            ("post", access, "/v1/listeners/web/access/deny", network, 200),
            ("post", access, "/v1/listeners/web/access/allow", network, 409),
            ("delete", access, "/v1/listeners/web/access/deny", network, 200),
            ("delete", access, "/v1/listeners/no/access/deny", network, 404),
            ("put", "/v1/log/level", "/v1/log/level", {"level": "debug"}, 200),
            ("put", "/v1/log/level", "/v1/log/level", {"level": "loud"}, 400),
            ("delete", session, f"/v1/sessions/{some_session}", None, 200),
            ("delete", session, f"/v1/sessions/{some_session}", None, 404),
            ("post", "/v1/reload", "/v1/reload", None, 200)]:
        answer = door.ask(method, path, body)
        expect(answer[0] == status, f"{method} {path}: {answer} where {status} was expected")
        check_answer(document, document["paths"][template][method], f"{method} {path}", answer)


def check_refused_reload(door: Door, document: dict[str, Any], config: pathlib.Path) -> None:
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("workers = 2", "workers = 0"), encoding="utf-8")
    answer = door.ask("POST", "/v1/reload")
    expect(answer[0] == 409 and json.loads(answer[2])["problems"], f"a broken file is taken: {answer}")
    check_answer(document, document["paths"]["/v1/reload"]["post"], "a broken reload", answer)
    config.write_text(text.replace("workers = 2", "workers = 1"), encoding="utf-8")
    answer = door.ask("POST", "/v1/reload")
    expect(answer[0] == 200 and json.loads(answer[2])["changes"], f"nothing has changed: {answer}")
    check_answer(document, document["paths"]["/v1/reload"]["post"], "a reload", answer)


def check_upgrade(door: Door, document: dict[str, Any], config: pathlib.Path, address: str, heirs: list[int]) -> None:
    """What is answered when the service changes hands or does not, and how the processes are listed then. Those that
    have taken over are added to `heirs`."""
    upgrade, processes = document["paths"]["/v1/upgrade"]["post"], document["paths"]["/v1/processes"]["get"]
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("workers = 1", "workers = 0"), encoding="utf-8")
    answer = door.ask("POST", "/v1/upgrade")
    expect(answer[0] == 409, f"a program that cannot start takes over: {answer}")
    check_answer(document, upgrade, "an upgrade that fails", answer)
    pids = [door.shown("/v1/process")["pid"]]
    for line in ("", 'upgrade_drain_timeout = "off"\n'):
        config.write_text(text.replace("workers = 1\n", "workers = 1\n" + line), encoding="utf-8")
        expect(door.ask("POST", "/v1/reload")[0] == 200, "the file is not taken")
        with contextlib.ExitStack() as kept:
            kept.enter_context(connect(address)).sendall(b"hello")
            process.wait_until(lambda: door.shown("/v1/process")["connections"] > 0, "the session")
            answer = door.ask("POST", "/v1/upgrade")
            expect(answer[0] == 200, f"an upgrade: {answer}")
            check_answer(document, upgrade, "an upgrade", answer)
            pids.insert(0, door.shown("/v1/process")["pid"])
            heirs.append(pids[0])
            answer = door.ask("GET", "/v1/processes")
            check_answer(document, processes, "/v1/processes", answer)
            told = json.loads(answer[2])["processes"]
            expect([one["pid"] for one in told] == pids, f"the processes {pids}: {told}")
            expect([one["state"] for one in told] == ["serving"] + ["retired"] * (len(pids) - 1), f"their states: {told}")
            ends = [one["drains_until"] for one in told]
            if line:
                expect(ends[:2] == [None, None], f"it may take as long as its sessions do: {told}")
            else:
                left = moment(ends[1]) - moment(told[0]["since"])
                expect(ends[0] is None and datetime.timedelta(minutes=55) < left < datetime.timedelta(minutes=65),
                       f"it has an hour: {told}")


def moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def wait_for_end(pid: int) -> None:
    """Of a process that has taken over: a sibling of the one before, so a child of this test."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    try:
        process.wait_until(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, f"the end of process {pid}", 60)
    except process.Failure:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise


def check_methods(door: Door, document: dict[str, Any]) -> None:
    """A method that the document does not have for a path is refused (405) with those that it has."""
    for path, operations in document["paths"].items():
        one = paths_of(door, path)[0].replace("{side}", "deny")
        for method in METHODS:
            if method in operations or (method == "head" and "get" in operations):
                continue
            status, _, body = door.ask(method, one)
            expect(status == 405, f"{method} {one}: {status} {body!r}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weir", help="the binary to test")
    parser.add_argument("openapi", help="the document")
    arguments = parser.parse_args()
    with process.Workspace() as work, echo() as port:
        addresses = start(work, arguments.weir, port)
        door = Door(addresses["admin"])
        document = door.shown("/v1/openapi.json")
        written = json.loads(pathlib.Path(arguments.openapi).read_text(encoding="utf-8"))
        expect(document == written, "the door shows another document than the one that is written")
        jsonschema.Draft202012Validator.check_schema({"$defs": document["components"]["schemas"]})
        clients = make_things_to_show(door, addresses)
        print(f"{check_readings(door, document)} readings are as described")
        check_methods(door, document)
        check_changes(door, document)
        check_refused_reload(door, document, work.path / "weir.toml")
        heirs: list[int] = []
        try:
            check_upgrade(door, document, work.path / "weir.toml", addresses["web"], heirs)
            held = connect(addresses["web"])
            held.sendall(b"hello")
            expect(held.recv(5) == b"hello", "the backend does not answer")
            check_answer(document, document["paths"]["/v1/drain"]["post"], "a drain", door.ask("POST", "/v1/drain"))
            check_answer(document, document["paths"]["/ready"]["get"], "/ready", door.ask("GET", "/ready"))
            for path in ("/v1/reload", "/v1/upgrade"):
                check_answer(document, document["paths"][path]["post"], f"{path} while it stops", door.ask("POST", path))
            held.close()
        finally:
            for client in clients:
                client.close()
            for heir in heirs:
                wait_for_end(heir)


if __name__ == "__main__":
    try:
        main()
    except process.Failure as failure:
        sys.exit(f"FAILED: {failure}")
    print("passed")
