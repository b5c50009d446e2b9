#!/usr/bin/env python3
"""Draws docs/top.svg: `weir top` on a Weir with some pools and clients of its own, as a terminal shows it.

usage: scripts/picture_of_top.py build/release/weir > docs/top.svg
"""

import contextlib
import html
import pathlib
import re
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "support"))

from peers import process  # noqa: E402
from peers.little_web import backend, visit  # noqa: E402
from peers.terminal import Terminal  # noqa: E402

CONFIG = """\
[admin]
bind = "unix:{folder}/admin.sock"
[listeners.web]
bind = "127.0.0.1:0"
pool = "web"
access.deny = ["127.0.0.9"]
[listeners.mail]
bind = "127.0.0.1:0"
pool = "mail"
[pools.web]
backends = [{web}]
[pools.web.health]
type = "tcp"
interval = "1s"
fall = 1
[pools.mail]
backends = [{mail}]
"""
COLOURS = {"green": "#3fb950", "red": "#f85149", "brown": "#d29922"}
COLUMNS, LINES = 112, 15
CELL, ROW = 8.4, 19


def picture(screen) -> str:
    """The screen as SVG."""
    width, height = COLUMNS * CELL + 24, LINES * ROW + 24
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" font-family="monospace" '
           f'font-size="14"><title>weir top</title><rect width="100%" height="100%" rx="8" fill="#0d1117"/>']
    for y in range(LINES):
        x = 0
        while x < COLUMNS:
            first = screen.buffer[y][x]
            end = x
            alike = lambda c: (c.fg, c.reverse, c.bold) == (first.fg, first.reverse, first.bold)  # noqa: E731
            while end < COLUMNS and alike(screen.buffer[y][end]):
                end += 1
            text = "".join(screen.buffer[y][i].data for i in range(x, end))
            left, top = 12 + x * CELL, 12 + y * ROW
            colour = COLOURS.get(first.fg, "#c9d1d9")
            if first.reverse:
                out.append(f'<rect x="{left:.1f}" y="{top}" width="{(end - x) * CELL:.1f}" height="{ROW}" '
                           f'fill="{colour}"/>')
                colour = "#0d1117"
            if text.strip():
                out.append(f'<text xml:space="preserve" x="{left:.1f}" y="{top + 14}" fill="{colour}" '
                           f'textLength="{(end - x) * CELL:.1f}">{html.escape(text)}</text>')
            x = end
    return "\n".join(out) + "\n</svg>\n"


def main() -> None:
    binary = str(pathlib.Path(sys.argv[1]).resolve())
    with process.Workspace() as work, contextlib.ExitStack() as peers:
        ports = [peers.enter_context(backend(size)) for size in (900, 900, 900, 900, 4000, 4000)]
        names = [f'{{ address = "127.0.0.1:{port}", name = "web-{i + 1}" }}' for i, port in enumerate(ports[:4])]
        names.append('{ address = "127.0.0.1:1", name = "web-5" }')
        mail = [f'{{ address = "127.0.0.1:{port}", name = "mail-{i + 1}", max_connections = 400 }}'
                for i, port in enumerate(ports[4:])]
        config = work.write("weir.toml", CONFIG.format(folder=work.path, web=", ".join(names), mail=", ".join(mail)))
        work.spawn("weir", [binary, "run", str(config)])
        process.wait_until(lambda: "ready" in work.log("weir"), "weir to be ready", 60)
        found = dict(re.findall(r"\b(web|mail)=127\.0\.0\.1:(\d+)", work.log("weir")))
        until = time.monotonic() + 15
        visits = [(found["web"], "127.0.0.1")] * 3 + [(found["mail"], "127.0.0.2"), (found["web"], "127.0.0.9")]
        for port, source in visits:
            threading.Thread(target=visit, args=(int(port), source, until), daemon=True).start()
        kept = [socket.create_connection(("127.0.0.1", int(found["mail"]))) for _ in range(60)]
        top = Terminal([binary, "top"], {"WEIR_ADMIN": f"unix:{work.path}/admin.sock"}, COLUMNS, LINES)
        top.wait_for(r"web-5 +down")
        top.press("jjdy")
        top.wait_for(r"web-3 +drain")
        end = time.monotonic() + 4
        while time.monotonic() < end:
            top.pump()
        sys.stdout.write(picture(top.screen))
        top.press("q")
        top.end()
        for client in kept:
            client.close()


if __name__ == "__main__":
    main()
