#!/usr/bin/env python3
"""TLS that Weir speaks with backends: `openssl s_server` and nginx, whose certificates it looks at, and its own.

What a backend says of Weir's TLS has to be as it was written, and what is wrong with a backend in Weir's log.
"""

import argparse
import dataclasses
import json
import os
import re
import subprocess
from collections.abc import Sequence

import common
import proxy_logs
from ending_authority import ECDSA, RSA, Authority, Certificate, bundle
from ending_house import BIG, SITE, certificates_of, listener
from peers import nginx, process, weir, wrk
from proxy_logs import CHECKS, DEADLINE, HOST, Fields

BACKEND, OTHER = "backend.example", "other.example"
NGINX_LOG = "log_format weir '$remote_port name=$ssl_server_name client=$ssl_client_s_dn'"
KNOWS = 'add_header X-Knows "$ssl_protocol;$ssl_server_name;$ssl_alpn_protocol;$ssl_client_s_dn"'
REUSED = 'add_header X-Reused "$ssl_session_reused"'
CLOSE = ("--header", "Connection: close")
WORKERS = 2
VISITS = 8   # one after the other
CLIENTS = 6  # at once
WRK_SECONDS = 2


@dataclasses.dataclass(frozen=True)
class Pool:
    """A pool of Weir, whose listener has its name. `server` is who stands behind it, `tls` the keys of its TLS."""

    name: str
    server: str
    tls: str
    knows: str = ""  # what nginx says of Weir: version, name, protocol, certificate
    fault: str = ""  # in Weir's log, of a backend that is not accepted
    ends: bool = False  # whether the clients' TLS ends at the listener


@dataclasses.dataclass
class Scene:
    work: process.Workspace
    server: weir.Weir
    ports: dict[str, int]
    trusted: str
    _visits: int = 0

    def curl(self, pool: Pool, path: str = "/", *options: str, name: str = SITE) -> tuple[str, bytes, list[Fields]]:
        """What the backend knows of Weir, what curl got, and Weir's lines about it."""
        self._visits += 1
        source = f"127.1.0.{self._visits}"
        scheme, port = "https" if pool.ends else "http", self.ports[pool.name]
        argv = ["curl", "--disable", "--silent", "--max-time", str(DEADLINE), "--noproxy", "*", "--interface", source,
                "--resolve", f"{name}:{port}:{HOST}", "--cacert", self.trusted,
                "--write-out", "%{stderr}%{http_code} %header{x-knows}", *options, f"{scheme}://{name}:{port}{path}"]
        done = subprocess.run(process.with_parent(argv), capture_output=True, check=False, timeout=2 * DEADLINE)

        def lines() -> list[Fields]:
            return proxy_logs.sessions(self.work, pool.name, f"{source}:")
        proxy_logs.wait_for(lines, 1, f"Weir's log about {source}")
        return done.stderr.decode(errors="replace"), done.stdout, lines()


def tls(ca: str, *more: str) -> str:
    return "".join(f"{line}\n" for line in (f'ca = "{ca}"', *more))


def pools(trusted: str, unknown: str, own: Certificate) -> list[Pool]:
    asks_for = f'server_name = "{BACKEND}"'
    shown = (f'certificate = "{own.chain}"', f'key = "{own.key}"')
    return [
        Pool("plain_host", "nginx", tls(trusted), "TLSv1.3;;;"),  # by its address, which has no name to ask for
        Pool("named", "nginx", tls(trusted, asks_for), f"TLSv1.3;{BACKEND};;"),
        Pool("spoken", "nginx", tls(trusted, asks_for, 'alpn = ["other/1", "http/1.1"]'),
             f"TLSv1.3;{BACKEND};http/1.1;"),
        Pool("old", "nginx_12", tls(trusted, asks_for), f"TLSv1.2;{BACKEND};;"),
        Pool("too_old", "nginx_12", tls(trusted, asks_for, 'min_version = "1.3"'), fault="protocol version"),
        Pool("shows", "nginx_asks", tls(trusted, asks_for, *shown), f"TLSv1.3;{BACKEND};;CN=weir"),
        Pool("from_client", "nginx", tls(trusted, 'server_name = "from_client"'), f"TLSv1.3;{BACKEND};;", ends=True),
        Pool("both", "nginx", tls(trusted, asks_for), f"TLSv1.3;{BACKEND};;", ends=True),
        Pool("wrong_name", "nginx", tls(trusted, f'server_name = "{OTHER}"'), fault="hostname mismatch"),
        Pool(NEVER, "nginx", tls(trusted, f'server_name = "{OTHER}"')),
        Pool("unknown", "nginx", tls(unknown, asks_for), fault="unable to get local issuer certificate"),
        Pool("system", "nginx", asks_for + "\n", fault="unable to get local issuer certificate"),
        Pool("unverified", "nginx", f'server_name = "{OTHER}"\nverify = false\n',
             f"TLSv1.3;{OTHER};;"),
        Pool("no_tls", "no_tls", tls(trusted, asks_for), fault="wrong version number"),
        Pool("www", "s_server", tls(trusted, asks_for)),
        Pool("www_wrong", "s_server", tls(trusted, f'server_name = "{OTHER}"'), fault="hostname mismatch"),
    ]


def _start_nginx(work: process.Workspace, name: str, certificate: Certificate, *rules: str) -> tuple[int, int]:
    """Its ports for TLS and without."""
    port, plain = work.free_port(), work.free_port()
    nginx.start_http(work, name, [HOST], plain, zones=[NGINX_LOG], rules=[
        f"listen {HOST}:{port} ssl", f"ssl_certificate {certificate.chain}", f"ssl_certificate_key {certificate.key}",
        f"access_log {work.path}/{name}.access.log weir", KNOWS, REUSED, *rules])
    return port, plain


def _start_s_server(work: process.Workspace, certificate: Certificate) -> int:
    """One that tells about itself and the connection, to one client after the other."""
    port = work.free_port()
    argv = ["openssl", "s_server", "-accept", f"{HOST}:{port}", "-cert", certificate.chain, "-cert_chain",
            certificate.chain, "-key", certificate.key, "-www"]
    work.wait_for_port("s_server", work.spawn("s_server", argv), HOST, port)
    return port


def start(work: process.Workspace, given: argparse.Namespace) -> tuple[Scene, list[Pool]]:
    rsa, ecdsa = Authority(work, "rsa_authority", RSA), Authority(work, "ecdsa_authority", ECDSA)
    clients, unknown = Authority(work, "client_authority", ECDSA), Authority(work, "stranger", RSA)
    certificate, other = ecdsa.issue("backend", BACKEND, HOST), rsa.issue("old_backend", BACKEND)
    trusted, modern = bundle(work, "trusted", [rsa, ecdsa]), "ssl_protocols TLSv1.2 TLSv1.3"
    servers = {"s_server": _start_s_server(work, other)}
    servers["nginx"], servers["no_tls"] = _start_nginx(work, "nginx", certificate, modern)
    servers["nginx_12"], _ = _start_nginx(work, "nginx_12", other, "ssl_protocols TLSv1.2")
    servers["nginx_asks"], _ = _start_nginx(work, "nginx_asks", certificate, modern, "ssl_verify_client on",
                                            f"ssl_client_certificate {clients.path}", "ssl_verify_depth 2")
    (work.path / "www" / "big").write_bytes(os.urandom(BIG))
    every = pools(trusted, unknown.path, clients.issue("weir", use="clientAuth"))
    ports = {pool.name: work.free_port() for pool in every}
    shown = list(certificates_of(rsa, ecdsa).values()) + [ecdsa.issue("same_name", BACKEND)]
    rules = ""
    for pool in every:
        rules += (listener(pool.name, ports[pool.name], pool.name, shown) if pool.ends else
                  f'[listeners.{pool.name}]\nbind = "{HOST}:{ports[pool.name]}"\npool = "{pool.name}"\n')
        rules += f'[pools.{pool.name}]\nbackends = {json.dumps([f"{HOST}:{servers[pool.server]}"])}\n'
        rules += f"[pools.{pool.name}.tls]\n{pool.tls}" + health(pool)
    common.give_files(work, given.user)
    server = weir.start(work, given.weir, [f"{HOST}:{servers['no_tls']}"], workers=str(WORKERS), sessions="all",
                        user=given.user, rules=rules)
    common.expect_user(server, given.user)
    return Scene(work, server, ports, trusted), every


# Pools with checks, which speak TLS as the pool does: some with backends that are good, and one that never passes.
CHECKED, NEVER = ("named", "old", "shows"), "wrong_name_checked"


def health(pool: Pool) -> str:
    if pool.name not in (*CHECKED, NEVER):
        return ""
    return (f'[pools.{pool.name}.health]\ntype = "http"\ninterval = "500ms"\ntimeout = "500ms"\n'
            f'initial = "down"\nhttp = {{ path = "/", body_contains = "ok" }}\n')


def checked(scene: Scene, _: Sequence[Pool]) -> None:
    """Checks speak the pool's TLS: they pass where that is good, and do not where the name is another."""
    def passed() -> dict[str, float]:
        return scene.server.values("weir_backend_checks_passed_total", "pool")
    process.wait_until(lambda: min(passed().get(name, 0) for name in CHECKED) >= CHECKS, "checks to pass", DEADLINE)
    common.expect(passed().get(NEVER, 0) == 0, f"a check of another name has passed: {passed()}")
    failed = scene.server.values("weir_backend_checks_failed_total", "pool")
    common.expect(failed.get(NEVER, 0) > 0, f"no check of another name has failed: {failed}")


def served(scene: Scene, every: Sequence[Pool]) -> None:
    """Backends are asked for the name that is written, and shown what is written."""
    for pool in (one for one in every if one.knows):
        name = BACKEND if pool.name == "from_client" else SITE
        told, got, [line] = scene.curl(pool, "/", *CLOSE, name=name)
        common.expect((told, got) == (f"200 {pool.knows}", b"ok\n"), f"{pool.name} answered {told} {got!r}: {line}")
        common.expect("tls_fault" not in line and line["reason"] in ("client_end", "backend_end"),
                      f"{pool.name} did not end well: {line}")
        common.expect(("tls" in line) == pool.ends, f"whose TLS does {pool.name} know? {line}")


def refused(scene: Scene, every: Sequence[Pool]) -> None:
    """Backends that are not who they should be get not a byte of a client's."""
    for pool in (one for one in every if one.fault):
        told, got, [line] = scene.curl(pool)
        common.expect(told.startswith("000") and not got, f"{pool.name} answered {told} {got!r}: {line}")
        common.expect(line["reason"] == "connect_tls" and pool.fault in line.get("tls_fault", ""),
                      f"{pool.fault!r} was expected of {pool.name}: {line}")
        common.expect(line["download"] == "0", f"{pool.name} sent something: {line}")


def by_s_server(scene: Scene, every: Sequence[Pool]) -> None:
    """`openssl s_server -www` says which TLS was spoken with it."""
    pool = next(one for one in every if one.name == "www")
    for _ in range(3):
        _, headed, [line] = scene.curl(pool, "/", "--include")
        text = headed.decode(errors="replace")
        common.expect("Secure Renegotiation IS supported" in text and "TLS_AES_256_GCM_SHA384" in text
                      and re.search(r"Protocol *: TLSv1\.3", text) is not None, f"s_server says {text[:1500]}")
        common.expect(int(line["download"]) == len(headed) and "tls_fault" not in line, f"of s_server: {line}")


def from_client(scene: Scene, every: Sequence[Pool]) -> None:
    """The name that the client asks for goes to the backend, and must be its own."""
    pool = next(one for one in every if one.name == "from_client")
    told, _, [line] = scene.curl(pool, name=SITE)
    common.expect(told.startswith("000") and "hostname mismatch" in line.get("tls_fault", ""),
                  f"{pool.name} answered for another name: {told} {line}")
    scene.curl(pool, name=BACKEND)
    names = re.findall(r"name=(\S*)", scene.work.log("nginx.access"))
    common.expect(names.count(BACKEND) > 0 and SITE not in names, f"nginx was asked for {names}")


def again(scene: Scene, every: Sequence[Pool]) -> None:
    """Sessions with a backend are resumed: each worker has one after its first visit."""
    for pool in (one for one in every if one.name in ("named", "old", "shows")):
        reused = [scene.curl(pool, "/", "--output", "/dev/null", "--write-out", "%header{x-reused}")[1].decode()
                  for _ in range(VISITS)]
        common.expect(reused.count("r") >= VISITS - WORKERS, f"{pool.name}: of {reused} too few are resumed")


def large(scene: Scene, every: Sequence[Pool]) -> None:
    """A body of a mebibyte arrives as it is, from TLS into none and into other TLS."""
    wanted = (scene.work.path / "www" / "big").read_bytes()
    for pool in (one for one in every if one.name in ("named", "old", "both")):
        _, got, [line] = scene.curl(pool, "/big")
        common.expect(got == wanted, f"{len(got)} bytes of {len(wanted)} came through {pool.name}, or others: {line}")


def under_load(scene: Scene, every: Sequence[Pool]) -> None:
    """wrk sees no error, with connections that stay and with one for each request."""
    for pool in (one for one in every if one.name in ("named", "both")):
        for path, headers in (("/", []), ("/", ["Connection: close"]), ("/big", [])):
            url = f"{'https' if pool.ends else 'http'}://{HOST}:{scene.ports[pool.name]}{path}"
            run = wrk.run(url, connections=CLIENTS, seconds=WRK_SECONDS, headers=headers)
            common.expect(not run.errors() and run.requests > 0, f"wrk with {path} {headers} saw {run}")
            print(f"{pool.name} {path} {headers}: {run.requests} requests", flush=True)


PARTS = (checked, served, refused, by_s_server, from_client, again, large, under_load)


def test() -> None:
    given = common.arguments(__doc__).parse_args()
    common.need_root_for(given.user)
    for program in ("openssl", "curl", "nginx", "wrk"):
        process.need(program, program)
    with process.Workspace() as work:
        scene, every = start(work, given)
        for part in PARTS:
            print(f"-- {part.__doc__}", flush=True)
            part(scene, every)
        common.expect_ends_well(scene.server)


if __name__ == "__main__":
    common.main(test)
