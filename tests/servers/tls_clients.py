"""Clients of TLS: openssl, curl and Python's module ssl.

Each trusts the certificate of one server and no other, and looks whether it is for the name that it asks for.
So one that is led to another server fails in its handshake.
"""

import contextlib
import dataclasses
import json
import re
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Sequence

import common
from peers import process
from proxy_logs import DEADLINE, HOST
from tls_servers import PATH

Answer = dict[str, str]

H2 = "h2"
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_ANSWER = re.compile(rb'\{"name"[^}]*\}')
_CURL_ALPN = {(): "--no-alpn", ("http/1.1",): "--http1.1", (H2, "http/1.1"): "--http2"}


@dataclasses.dataclass(frozen=True)
class Visit:
    """A connection of a client."""

    port: int
    source: str                 # the client's address
    name: str                   # who is wanted; a client that wants an address asks for no name
    trusted: str                # the certificate of the server that is to answer
    version: str = "1.3"
    alpn: tuple[str, ...] = ()
    certificate: str = ""       # the client's own

    @property
    def server_name(self) -> str:
        return "" if self.name == HOST else self.name

    def __str__(self) -> str:
        offers = [protocol[:20] for protocol in self.alpn[:3]]
        return f"{self.source}, who asks for {self.name} in TLS {self.version} and offers {offers},"


Program = Callable[[Visit], Answer]


def answer_in(said: bytes) -> Answer:
    """What a server says of itself and its client, wherever it stands."""
    found = _ANSWER.search(said)
    if not found:
        raise process.Failure(f"no server has said its name: {said[-1000:].decode(errors='replace')}")
    return json.loads(found[0])


def request(visit: Visit, body: bytes = b"") -> bytes:
    """In the protocol that the client prefers. In HTTP/1.0 the server's answer ends with the stream."""
    if visit.alpn[:1] == (H2,):
        return _http2_request(visit.name)
    head = f"{'POST' if body else 'GET'} {PATH} HTTP/1.0\r\nHost: {visit.name}\r\n"
    if body:
        head += f"Content-Length: {len(body)}\r\n"
    return head.encode("ascii") + b"\r\n" + body


def _http2_request(host: str) -> bytes:
    """GET in HTTP/2 (RFC 9113). Fields are numbers in the table of RFC 7541, with the value behind where that
    has none."""
    def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
        length = struct.pack("!I", len(payload))[1:]
        return length + bytes((kind, flags)) + struct.pack("!I", stream) + payload

    def field(number: int, value: str) -> bytes:
        return bytes((number, len(value))) + value.encode("ascii")

    settings = frame(4, 0, 0)
    ends = 0x4 | 0x1  # the headers, and the request
    headers = frame(1, ends, 1, b"\x82\x87" + field(4, PATH) + field(1, host))
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + headers


def by_openssl(visit: Visit) -> Answer:
    return answer_in(openssl(visit))


def openssl(visit: Visit, *options: str) -> bytes:
    """What `openssl s_client` says, the server's answer in it."""
    host = ("-servername", visit.name, "-verify_hostname", visit.name) if visit.server_name else \
        ("-noservername", "-verify_ip", visit.name)
    alpn = ("-alpn", ",".join(visit.alpn)) if visit.alpn else ()
    own = ("-cert", visit.certificate, "-key", visit.certificate) if visit.certificate else ()
    argv = ["openssl", "s_client", "-connect", f"{HOST}:{visit.port}", "-bind", f"{visit.source}:0",
            "-CAfile", visit.trusted, "-verify_return_error", f"-tls{visit.version.replace('.', '_')}",
            *host, *alpn, *own, *options]
    return _dialogue(argv, request(visit))


def _dialogue(argv: Sequence[str], says: bytes) -> bytes:
    """The output of a program that is told something, and to end only once it has the answer."""
    with subprocess.Popen(process.with_parent([*argv]), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as client:
        assert client.stdin and client.stdout
        late = threading.Timer(DEADLINE, client.kill)
        late.start()
        try:
            # One that has ended already says why.
            with contextlib.suppress(BrokenPipeError):
                client.stdin.write(says)
                client.stdin.flush()
            said = b""
            while not _ANSWER.search(said) and (more := client.stdout.read1(65536)):
                said += more
            said += client.communicate(timeout=DEADLINE)[0]
        finally:
            late.cancel()
    common.expect(client.returncode == 0, f"{argv[:2]} ended with status {client.returncode}: "
                                          f"{said[-6000:].decode(errors='replace')}")
    return said


def by_curl(visit: Visit) -> Answer:
    said = curl(visit)
    if visit.alpn[:1] == (H2,):
        common.expect(b"\nHTTP/2 " in said, f"curl does not speak HTTP/2: {said!r}")
    return answer_in(said)


def curl_offers(alpn: Sequence[str]) -> bool:
    return tuple(alpn) in _CURL_ALPN


def curl(visit: Visit, *options: str) -> bytes:
    """What curl gets, and in a last line in which version of HTTP."""
    own = ("--cert", visit.certificate) if visit.certificate else ()
    return plain_curl(f"https://{visit.name}:{visit.port}{PATH}", visit.source,
                      "--resolve", f"{visit.name}:{visit.port}:{HOST}", "--cacert", visit.trusted,
                      f"--tlsv{visit.version}", "--tls-max", visit.version, _CURL_ALPN[visit.alpn],
                      *own, *options)


def plain_curl(url: str, source: str, *options: str) -> bytes:
    argv = ["curl", "--disable", "--silent", "--show-error", "--max-time", str(DEADLINE), "--noproxy", "*",
            "--interface", source, "--write-out", "\\nHTTP/%{http_version} %{local_port}", *options, url]
    done = subprocess.run(process.with_parent(argv), capture_output=True, check=False, timeout=2 * DEADLINE)
    common.expect(done.returncode == 0, f"curl ended with status {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def context_of(visit: Visit) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=visit.trusted)
    context.minimum_version = context.maximum_version = VERSIONS[visit.version]
    if visit.alpn:
        context.set_alpn_protocols(visit.alpn)
    if visit.certificate:
        context.load_cert_chain(visit.certificate)
    return context


def connect(visit: Visit, segment: int = 0) -> socket.socket:
    """With a `segment` none that is sent is longer."""
    connection = socket.socket()
    connection.settimeout(DEADLINE)
    if segment:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
    connection.bind((visit.source, 0))
    connection.connect((HOST, visit.port))
    return connection


def by_python(visit: Visit) -> Answer:
    return answer_in(converse(visit, context_of(visit)))


def converse(visit: Visit, context: ssl.SSLContext, body: bytes = b"", *,
             sessions: list[ssl.SSLSession] | None = None, ends_well: bool = False) -> bytes:
    """The whole answer. The last of `sessions` is resumed, and the new one put behind it.

    With `ends_well` the stream below TLS has to end behind it, and not with a reset: a `PythonServer` sees to
    that, and nginx does not always.
    """
    resumed = sessions[-1] if sessions else None
    try:
        with context.wrap_socket(connect(visit), server_hostname=visit.name, session=resumed,
                                 suppress_ragged_eofs=False) as tls:
            tls.sendall(request(visit, body))
            said = _read_answer(tls)
            if sessions is not None and tls.session:
                sessions.append(tls.session)
            if ends_well:
                _end(tls)
    except OSError as error:
        raise process.Failure(f"Python's client of {visit.name}: {error}") from error
    return said


def _read_answer(tls: ssl.SSLSocket) -> bytes:
    """To the end, which TLS must say; a server of HTTP/2 waits for more requests."""
    goes_on = tls.selected_alpn_protocol() == H2
    said = b""
    while not (goes_on and _ANSWER.search(said)) and (more := tls.recv(65536)):
        said += more
    return said


def _end(tls: ssl.SSLSocket) -> None:
    """Answers the server's last word in TLS and waits for the end of the stream."""
    with tls.unwrap() as stream:
        common.expect(stream.recv(1) == b"", "something came after the end of TLS")


def body_in(said: bytes) -> bytes:
    """What follows the line of a `PythonServer`."""
    return said.partition(b"\r\n\r\n")[2].partition(b"\n")[2]


def expect_fails(program: Program, visit: Visit, why: str) -> None:
    """It does not get through, and says why."""
    try:
        answer = program(visit)
    except process.Failure as failure:
        common.expect(re.search(why, str(failure)) is not None, f"{why} was expected: {failure}")
    else:
        raise process.Failure(f"{visit} got through: {answer}")
