#!/usr/bin/env python3
"""Draws docs/dashboard.png and docs/dashboard-phone.png: the dashboard of a Weir with some pools and clients of its own, as a
browser shows it.

usage: scripts/pictures_of_dashboard.py build/release/weir [FOLDER] [--backends N] [--whole]
"""

import argparse
import contextlib
import pathlib
import re
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "support"))

from peers import process  # noqa: E402
from peers.browser import Browser  # noqa: E402
from peers.little_web import backend, visit  # noqa: E402

CONFIG = """\
[admin]
bind = "127.0.0.1:0"
[listeners.web]
bind = "127.0.0.1:0"
pool = "web"
access.deny = ["127.0.0.9"]
[listeners.web.limits]
client_connection_rate = "40/s"
[listeners.api]
bind = "127.0.0.1:0"
pool = "web"
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
SECONDS = 100
PICTURES = [("dashboard", 1280, 1180, "light"), ("dashboard-phone", 390, 900, "dark")]


def entry(name: str, port: int, more: str = "") -> str:
    return f'{{ address = "127.0.0.1:{port}", name = "{name}"{more} }}'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weir")
    parser.add_argument("folder", nargs="?", default="docs", type=pathlib.Path)
    parser.add_argument("--backends", type=int, default=0, help="so many more, in a pool of their own")
    parser.add_argument("--whole", action="store_true", help="the page to its end")
    arguments = parser.parse_args()
    with process.Workspace() as work, contextlib.ExitStack() as peers:
        ports = [peers.enter_context(backend(size)) for size in (900, 900, 900, 900, 20000, 20000)]
        web = [entry(f"web-{i + 1}", port) for i, port in enumerate(ports[:4])] + [entry("web-5", 1)]
        mail = [entry(f"mail-{i + 1}", port, ", max_connections = 400") for i, port in enumerate(ports[4:])]
        text = CONFIG.format(web=", ".join(web), mail=", ".join(mail))
        if arguments.backends > 0:
            many = [entry(f"n-{i + 1}", 2000 + i) for i in range(arguments.backends)]
            text += f'[listeners.many]\nbind = "127.0.0.1:0"\npool = "many"\n[pools.many]\nbackends = [{", ".join(many)}]\n'
        work.spawn("weir", [str(pathlib.Path(arguments.weir).resolve()), "run", str(work.write("weir.toml", text))])
        process.wait_until(lambda: "ready" in work.log("weir"), "weir to be ready", 60)
        found = dict(re.findall(r"\b(web|api|mail|admin)=127\.0\.0\.1:(\d+)", work.log("weir")))
        until = time.monotonic() + SECONDS
        for name, source, pause in [("web", "127.0.0.1", 0.03), ("web", "127.0.0.4", 0.05), ("api", "127.0.0.2", 0.02),
                                    ("mail", "127.0.0.2", 0.04), ("web", "127.0.0.9", 0.2)]:
            threading.Thread(target=visit, args=(int(found[name]), source, until, pause), daemon=True).start()
        # One that comes too often, and for a while only.
        threading.Timer(50, visit, (int(found["web"]), "127.0.0.7", time.monotonic() + 75, 0.004)).start()
        kept = [socket.create_connection(("127.0.0.1", int(found["mail"]))) for _ in range(60)]
        with Browser(work, width=1280) as browser:
            browser.resize(1280, 900)
            browser.open(f"http://127.0.0.1:{found['admin']}/")
            browser.run("document.getElementById('clients').scrollIntoView()")
            process.wait_until(lambda: browser.text("#clients-table td"), "the clients")
            browser.run("const span = document.getElementById('span'); span.value = '120'; span.dispatchEvent(new Event('change'));"
                        "scrollTo(0, 0)")
            time.sleep(SECONDS - 10)
            for name, width, height, scheme in PICTURES:
                browser.resize(width, height)
                browser.prefer(scheme)
                time.sleep(2)
                browser.picture(arguments.folder / f"{name}.png", whole=arguments.whole)
            print(*browser.complaints(), sep="\n")
        for client in kept:
            client.close()


if __name__ == "__main__":
    main()
