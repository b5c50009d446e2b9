#!/usr/bin/env python3
"""HTTP over TLS that ends at Weir, in front of an nginx that knows of no TLS: with curl, and under wrk.

HTTP/2 goes to another port of it by the protocol that clients offer; and one name's TLS passes through.
"""

import argparse
import dataclasses
import json
import os
import re
import subprocess

import common
import proxy_logs
from ending_authority import ECDSA, RSA, Authority, bundle
from ending_house import BIG, SITE, certificates_of, listener
from peers import nginx, process, weir, wrk
from proxy_logs import DEADLINE, HOST, Fields

PASSED = "passed.example"  # whose TLS ends at nginx
KEPT = 25                  # requests on a connection
REPORT = "%{http_version} %{response_code} %{num_connects} %{size_download} %header{x-how}\\n"
WRK_SECONDS = 2


@dataclasses.dataclass
class Site:
    work: process.Workspace
    server: weir.Weir
    port: int
    trusted: str
    got: bytes = b""  # by the last curl
    _visits: int = 0

    def curl(self, path: str, *options: str, name: str = SITE) -> tuple[list[str], list[Fields]]:
        """curl's report of each request, and Weir's line about each connection."""
        self._visits += 1
        source = f"127.1.0.{self._visits}"
        argv = ["curl", "--disable", "--silent", "--show-error", "--max-time", str(DEADLINE), "--noproxy", "*",
                "--interface", source, "--resolve", f"{name}:{self.port}:{HOST}", "--cacert", self.trusted,
                "--write-out", f"%{{stderr}}{REPORT}", *options, f"https://{name}:{self.port}{path}"]
        done = subprocess.run(process.with_parent(argv), capture_output=True, check=False, timeout=2 * DEADLINE)
        told = done.stderr.decode(errors="replace").splitlines()
        common.expect(done.returncode == 0, f"curl ended with status {done.returncode}: {told[-3:]}")
        self.got = done.stdout
        connects = sum(int(line.split()[2]) for line in told)

        def lines() -> list[Fields]:
            return proxy_logs.sessions(self.work, "web", f"{source}:")
        proxy_logs.wait_for(lines, connects, f"Weir's log about {source}")
        common.expect(len(lines()) == connects, f"{connects} connections of curl are in Weir's log as {lines()}")
        return told, lines()


def start(work: process.Workspace, given: argparse.Namespace) -> Site:
    rsa, ecdsa = Authority(work, "rsa_authority", RSA), Authority(work, "ecdsa_authority", ECDSA)
    passed = ecdsa.issue("passed", PASSED)
    ports = {name: work.free_port() for name in ("plain", "h2c", "tls", "web")}
    nginx.start_http(work, "backend", [HOST], ports["plain"], rules=[
        f"listen {HOST}:{ports['h2c']} http2", f"listen {HOST}:{ports['tls']} ssl http2",
        f"ssl_certificate {passed.chain}", f"ssl_certificate_key {passed.key}",
        "ssl_protocols TLSv1.2 TLSv1.3", 'add_header X-How "($ssl_protocol,$ssl_server_name)"'])
    (work.path / "www" / "big").write_bytes(os.urandom(BIG))
    rules = listener("web", ports["web"], "http1", list(certificates_of(rsa, ecdsa).values()),
                     'alpn = ["h2", "http/1.1"]\n')
    rules += '[[listeners.web.routes]]\nalpn = ["h2"]\npool = "http2"\n'
    rules += f'[[listeners.web.routes]]\nserver_names = ["{PASSED}"]\npool = "passed"\nmode = "passthrough"\n'
    for pool, backend in {"http1": "plain", "http2": "h2c", "passed": "tls"}.items():
        rules += f'[pools.{pool}]\nbackends = {json.dumps([f"{HOST}:{ports[backend]}"])}\n'
    common.give_files(work, given.user)
    server = weir.start(work, given.weir, [f"{HOST}:{ports['plain']}"], workers="2", sessions="all", user=given.user,
                        rules=rules)
    common.expect_user(server, given.user)
    return Site(work, server, ports["web"], bundle(work, "trusted", [rsa, ecdsa]))


VERSIONS = {"1.2": "TLSv1.2", "1.3": "TLSv1.3"}
PROTOCOLS = {"--http1.1": ("1.1", "http/1.1", "http1"), "--no-alpn": ("1.1", "", "http1"),
             "--http2": ("2", "h2", "http2")}


def small(site: Site) -> None:
    """A small answer, in each version of TLS and of HTTP."""
    for version, protocol in VERSIONS.items():
        for option, (http, alpn, pool) in PROTOCOLS.items():
            told, [line] = site.curl("/", option, "--tlsv1.2", "--tls-max", version)
            common.expect(told[0].split()[:2] == [http, "200"] and site.got == b"ok\n",
                          f"{option} was expected: {told} {site.got!r}")
            common.expect(told[0].endswith("(,)"), f"nginx saw TLS: {told}")
            wanted = {"tls": protocol, "alpn": alpn, "pool": pool, "server_name": SITE}
            common.expect({key: line.get(key, "") for key in wanted} == wanted, f"{wanted} was expected: {line}")


def large(site: Site) -> None:
    """A body of a mebibyte arrives as it is."""
    wanted = (site.work.path / "www" / "big").read_bytes()
    for version in VERSIONS:
        for option in PROTOCOLS:
            _, [line] = site.curl("/big", option, "--tlsv1.2", "--tls-max", version)
            common.expect(site.got == wanted, f"{len(site.got)} bytes of {len(wanted)} came, or others ({option})")
            common.expect(int(line["download"]) > BIG, f"Weir's log has other bytes: {line}")


def kept(site: Site) -> None:
    """Many requests on one connection, small and large."""
    for option in PROTOCOLS:
        for paths, size in ((f"/?[1-{KEPT}]", 0), (f"/big?[1-{KEPT // 5}]", BIG)):
            told, lines = site.curl(paths, option)
            common.expect(len(lines) == 1 and all(line.split()[1] == "200" for line in told),
                          f"one connection and no error were expected: {told} {lines}")
            common.expect(all(int(line.split()[3]) == size for line in told if size), f"a body was cut: {told}")


def passed_through(site: Site) -> None:
    """The TLS of one name ends at nginx, with nginx's certificate; by h2 too, since a name goes before none."""
    for option, (http, _, _) in PROTOCOLS.items():
        told, [line] = site.curl("/", option, name=PASSED)
        common.expect(told[0].split()[:2] == [http, "200"], f"{option} was expected: {told}")
        common.expect(told[0].endswith(f"(TLSv1.3,{PASSED})"), f"nginx saw no TLS: {told}")
        common.expect(line["pool"] == "passed" and "tls" not in line, f"Weir has ended it: {line}")


def under_load(site: Site) -> None:
    """wrk sees no error, with connections that stay and with one for each request."""
    for path, headers in (("/", []), ("/", ["Connection: close"]), ("/big", [])):
        run = wrk.run(f"https://{HOST}:{site.port}{path}", connections=16, seconds=WRK_SECONDS, headers=headers)
        common.expect(not run.errors() and run.requests > 0, f"wrk with {path} {headers} saw {run}")
        print(f"{path} {headers}: {run.requests} requests", flush=True)


PARTS = (small, large, kept, passed_through, under_load)


def expect_no_faults(site: Site) -> None:
    """But for those of wrk, which leaves at its end, in the middle of handshakes too."""
    bad = [line for line in re.findall(r"^.*tls_fault=.*$", site.work.log("weir"), re.MULTILINE)
           if 'tls_fault="the client has left in the middle"' not in line or f" client={HOST}:" not in line]
    common.expect(not bad, f"{len(bad)} sessions have faults: {bad[:3]}")


def test() -> None:
    given = common.arguments(__doc__).parse_args()
    common.need_root_for(given.user)
    for program in ("openssl", "curl", "nginx", "wrk"):
        process.need(program, program)
    with process.Workspace() as work:
        site = start(work, given)
        for part in PARTS:
            print(f"-- {part.__doc__}", flush=True)
            part(site)
        common.expect_ends_well(site.server)
        expect_no_faults(site)


if __name__ == "__main__":
    common.main(test)
