"""A program at a terminal of some size, and what it shows. Needs pyte (Debian's package: python3-pyte)."""

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

import pyte

from . import process


class Terminal:
    """A program at a terminal of some size, and what it shows."""

    def __init__(self, arguments: list[str], environment: dict[str, str], columns: int = 120, lines: int = 30) -> None:
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(arguments[0], arguments, {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", **environment})
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def pump(self) -> bool:
        """Takes what there is; False once the program has ended."""
        ready, _, _ = select.select([self.fd], [], [], 0.02)
        if not ready:
            return True
        try:
            self.stream.feed(os.read(self.fd, 65536))
        except OSError:
            return False
        return True

    def wait_for(self, pattern: str) -> None:
        deadline = time.monotonic() + 60
        while not re.search(pattern, self.text(), re.MULTILINE):
            if time.monotonic() > deadline or not self.pump():
                raise process.Failure(f"waited for {pattern!r}:\n{self.text()}")

    def press(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def end(self) -> int:
        while self.pump():
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
