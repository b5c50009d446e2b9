"""A client of TLS that sends its ClientHello as it likes: in small segments, in other records, not whole."""

import fcntl
import socket
import ssl
import struct
import termios
from collections.abc import Callable, Iterator
from typing import TypeVar

import common
import tls_clients
from peers import process
from proxy_logs import DEADLINE
from tls_clients import Visit

_HEAD = 5  # bytes of a record's head: type, version, length (RFC 8446 section 5.1)

_DATA_SEGMENTS = 156  # where `struct tcp_info` has tcpi_data_segs_out
Result = TypeVar("Result")
Send = Callable[[socket.socket, bytes], int]  # tells how many bytes it has sent


def records(stream: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and version of each, and what it carries."""
    while stream:
        end = _HEAD + struct.unpack("!H", stream[3:_HEAD])[0]
        yield stream[:3], stream[_HEAD:end]
        stream = stream[end:]


def in_records_of(size: int, hello: bytes) -> bytes:
    """The same message, with no more than so much of it in a record. How messages lay in records is not among
    what the two sides of a handshake compare in the end."""
    message = b"".join(part for _, part in records(hello))
    kind = hello[:3]
    parts = (message[at:at + size] for at in range(0, len(message), size))
    return b"".join(kind + struct.pack("!H", len(part)) + part for part in parts)


def in_segments(connection: socket.socket, hello: bytes) -> int:
    """As many as it takes on this connection; more than one."""
    connection.sendall(hello)
    process.wait_until(lambda: _is_delivered(connection), "a ClientHello to be delivered", DEADLINE)
    told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _DATA_SEGMENTS + 4)
    sent = struct.unpack("I", told[_DATA_SEGMENTS:])[0]
    common.expect(sent > 1, f"{len(hello)} bytes went in {sent} segments")
    return len(hello)


def in_small_records(size: int) -> Send:
    def send(connection: socket.socket, hello: bytes) -> int:
        stream = in_records_of(size, hello)
        connection.sendall(stream)
        return len(stream)
    return send


def one_by_one(connection: socket.socket, hello: bytes) -> int:
    """Each byte in a segment of its own."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for at in range(len(hello)):
        connection.sendall(hello[at:at + 1])
        process.wait_until(lambda: _is_delivered(connection), "a byte to be delivered", DEADLINE)
    return len(hello)


def _is_delivered(connection: socket.socket) -> bool:
    return struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0" * 4))[0] == 0


class Conversation:
    """TLS whose bytes pass through the program's own hands."""

    def __init__(self, visit: Visit, context: ssl.SSLContext) -> None:
        self._visit = visit
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.sent = self.received = 0  # bytes
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=visit.name)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self.hello = self._outgoing.read()

    def hold(self, send: Send, segment: int = 0) -> bytes:
        """Sends the ClientHello in that way, and then all else as it comes; the server's answer. With a
        `segment` none is longer."""
        try:
            with tls_clients.connect(self._visit, segment) as connection:
                self.sent = send(connection, self.hello)
                self._until_done(connection, self._tls.do_handshake)
                self._until_done(connection, lambda: self._tls.write(tls_clients.request(self._visit)))
                read = iter(lambda: self._until_done(connection, lambda: self._tls.read(65536)), b"")
                return b"".join(read)
        except OSError as error:
            raise process.Failure(f"a ClientHello of {len(self.hello)} bytes: {error}") from error

    def _until_done(self, connection: socket.socket, step: Callable[[], Result]) -> Result:
        while True:
            try:
                done = step()
                self._flush(connection)
                return done
            except ssl.SSLWantReadError:
                self._flush(connection)
                if more := connection.recv(65536):
                    self.received += self._incoming.write(more)
                else:
                    self._incoming.write_eof()

    def _flush(self, connection: socket.socket) -> None:
        if pending := self._outgoing.read():
            connection.sendall(pending)
            self.sent += len(pending)
