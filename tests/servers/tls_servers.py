"""Servers of TLS, each with a certificate of its own that vouches for itself.

They say their name, and what they know of the client, so far as they know anything.
"""

import contextlib
import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Sequence
from typing import BinaryIO

import common
from peers import nginx, process
from proxy_logs import DEADLINE, HOST

PATH = "/who"  # where each of them says its name
RSA, ECDSA = ("rsa:2048",), ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")


def make_certificate(work: process.Workspace, name: str, kind: Sequence[str], *hosts: str) -> str:
    """A file with a key and a certificate for these hosts, which is its own authority."""
    path = work.path / f"{name}.pem"
    names = ",".join(f"IP:{host}" if host == HOST else f"DNS:{host}" for host in hosts)
    argv = ["openssl", "req", "-x509", "-newkey", *kind, "-nodes", "-subj", f"/CN={name}", "-days", "2",
            "-addext", f"subjectAltName={names}", "-keyout", str(path)]
    made = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=DEADLINE)
    common.expect(made.returncode == 0, f"openssl made no certificate for {name}: {made.stderr}")
    path.write_text(path.read_text(encoding="ascii") + made.stdout, encoding="ascii")
    return str(path)


class PythonServer:
    """Answers a request with what it knows of the client, in a line, and the request's body in reverse.

    Then it ends TLS and the stream, each after the client has: so both see a clean end.
    """

    def __init__(self, name: str, certificate: str, *, clients: str = "", alpn: Sequence[str] = ()) -> None:
        """With `clients` they must have certificates from that authority."""
        self._name = name
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._context.sni_callback = self._on_name
        if alpn:
            self._context.set_alpn_protocols(alpn)
        if clients:
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.load_verify_locations(clients)
        self._listening = socket.create_server((HOST, 0), backlog=256)
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @staticmethod
    def _on_name(connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        connection.asked_for = name or ""

    def _accept(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(DEADLINE)
        # A client that trusts another server leaves in the middle of the handshake, and that is right.
        with (self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as tls,
              contextlib.suppress(OSError)):
            try:
                tls.do_handshake()
            except ssl.SSLError:
                _leave(tls)
                raise
            with tls.makefile("rb") as stream:
                body = _read_request(stream)
            answer = self._knows(tls).encode("ascii") + b"\n" + body[::-1]
            head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(answer)}\r\n\r\n"
            tls.sendall(head.encode("ascii") + answer)
            tls.unwrap()

    def _knows(self, tls: ssl.SSLSocket) -> str:
        subject = (tls.getpeercert() or {}).get("subject", ())
        return json.dumps({"name": self._name, "version": tls.version(),
                           "alpn": tls.selected_alpn_protocol() or "",
                           "server_name": getattr(tls, "asked_for", ""),
                           "reused": "r" if tls.session_reused else ".",
                           "client": "".join(value for part in subject for _, value in part)})


def _leave(tls: ssl.SSLSocket) -> None:
    """Takes what the client still sends: unread it makes the end a reset, which can overtake the alert."""
    tls.shutdown(socket.SHUT_WR)
    while tls.recv(65536):
        pass


def _read_request(stream: BinaryIO) -> bytes:
    size = 0
    while (line := stream.readline(65536)) not in (b"\r\n", b""):
        if line.lower().startswith(b"content-length:"):
            size = int(line.split(b":")[1])
    return stream.read(size)


def start_openssl(work: process.Workspace, name: str, certificate: str) -> int:
    """The port of `openssl s_server`, which serves the files of its folder, one client after the other."""
    port = work.free_port()
    work.write(PATH.removeprefix("/"), json.dumps({"name": name}) + "\n")
    argv = ["openssl", "s_server", "-accept", f"{HOST}:{port}", "-cert", certificate, "-key", certificate,
            "-WWW"]
    work.wait_for_port(name, work.spawn(name, argv), HOST, port)
    return port


_NGINX_KNOWS = {"version": "ssl_protocol", "alpn": "ssl_alpn_protocol", "server_name": "ssl_server_name",
                "reused": "ssl_session_reused", "early": "ssl_early_data"}


def start_nginx(work: process.Workspace, name: str, certificate: str, listen: str = "", *,
                rules: Sequence[str] = (), zones: Sequence[str] = ()) -> tuple[int, int]:
    """The ports of an nginx for TLS, with these words behind that address, and for plain HTTP."""
    plain, port = work.free_port(), work.free_port()
    knows = json.dumps({"name": name} | {key: f"${variable}" for key, variable in _NGINX_KNOWS.items()})
    nginx.start_http(work, name, [HOST], plain, zones=zones, rules=[
        f"listen {HOST}:{port} ssl {listen}",
        f"ssl_certificate {certificate}", f"ssl_certificate_key {certificate}",
        "ssl_protocols TLSv1.2 TLSv1.3", f"return 200 '{knows}\\n'", *rules])
    return port, plain
