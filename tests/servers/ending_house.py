"""Weir, at whose listeners TLS ends, in front of an nginx that speaks plain HTTP."""

import argparse
import dataclasses
import json
import os

import common
import proxy_logs
from ending_authority import ECDSA, RSA, Authority, Certificate, bundle
from peers import nginx, process, weir
from proxy_logs import HOST, Fields

SITE, WILD, SHOP = "site.example", "*.wild.example", "shop.example"
PROTOCOLS = ("other/1", "http/1.1")  # of the listeners, the best first
# What one of them has beside its certificates and protocols.
LISTENERS = {
    "usual": "",
    "modern": 'min_version = "1.3"\n',
    "chosen": 'ciphers = ["ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_CHACHA20_POLY1305_SHA256"]\n'
              'groups = ["prime256v1"]\n',
    "required": 'client_verify = "required"\n{ca}',
    "optional": 'client_verify = "optional"\n{ca}',
    "ticketless": "session_tickets = false\n",
    "shared": "{tickets}",
    "too_shared": "{tickets}",
}
BIG = 1 << 20  # bytes of the file /big


@dataclasses.dataclass
class House:
    """`trusted` are the authorities of the certificates, `clients` is that of clients and `stranger` nobody's."""

    work: process.Workspace
    server: weir.Weir
    ports: dict[str, int]
    trusted: str
    clients: Authority
    stranger: Authority
    certificates: dict[str, Certificate]
    _visits: int = 0

    def source(self) -> str:
        """An address for a client, by which its session is found in Weir's log."""
        self._visits += 1
        return f"127.1.{self._visits // 250}.{1 + self._visits % 250}"

    def sessions(self, source: str, count: int = 1) -> list[Fields]:
        """Weir's lines about this client's sessions; there have to be so many."""
        def lines() -> list[Fields]:
            return [line for listener in self.ports
                    for line in proxy_logs.sessions(self.work, listener, f"{source}:")]
        proxy_logs.wait_for(lines, count, f"Weir's log about {source}")
        common.expect(len(lines()) == count, f"{count} sessions of {source} were expected: {lines()}")
        return lines()

    def session(self, source: str) -> Fields:
        return self.sessions(source)[0]


def listed(certificates: list[Certificate]) -> str:
    files = ", ".join(f'{{ chain = "{one.chain}", key = "{one.key}" }}' for one in certificates)
    return f"certificates = [{files}]\n"


def listener(name: str, port: int, pool: str, certificates: list[Certificate], more: str = "") -> str:
    """Of a configuration, one at which TLS ends."""
    return (f'[listeners.{name}]\nbind = "{HOST}:{port}"\npool = "{pool}"\npreread_timeout = "1m"\n'
            f'[listeners.{name}.tls]\nmode = "terminate"\nhandshake_timeout = "1m"\n{listed(certificates)}{more}')


def _make_ticket_keys(work: process.Workspace) -> str:
    path = work.path / "ticket.keys"
    path.write_bytes(os.urandom(80))
    path.chmod(0o600)
    return f'ticket_key_file = "{path}"\n'


def certificates_of(rsa: Authority, ecdsa: Authority) -> dict[str, Certificate]:
    """The same site with keys of both kinds, a wildcard and one more."""
    return {"site_rsa": rsa.issue("site_rsa", SITE), "site_ecdsa": ecdsa.issue("site_ecdsa", SITE),
            "wild": ecdsa.issue("wild", WILD), "shop": rsa.issue("shop", SHOP)}


def start(work: process.Workspace, given: argparse.Namespace) -> House:
    rsa, ecdsa = Authority(work, "rsa_authority", RSA), Authority(work, "ecdsa_authority", ECDSA)
    clients, stranger = Authority(work, "client_authority", ECDSA), Authority(work, "stranger", ECDSA)
    certificates = certificates_of(rsa, ecdsa)
    staples = [rsa.answer_about(certificates["site_rsa"]), ecdsa.answer_about(certificates["site_ecdsa"])]
    backend = work.free_port()
    nginx.start_http(work, "backend", [HOST], backend)
    (work.path / "www" / "big").write_bytes(os.urandom(BIG))
    ports = {name: work.free_port() for name in LISTENERS}
    tickets, rules = _make_ticket_keys(work), ""
    for name, more in LISTENERS.items():
        more = more.format(ca=f'client_ca = "{clients.path}"\n', tickets=tickets)
        more += f"alpn = {json.dumps(PROTOCOLS)}\nocsp_files = {json.dumps(staples)}\n"
        rules += listener(name, ports[name], "back", list(certificates.values()), more)
    common.give_files(work, given.user)
    server = weir.start(work, given.weir, [f"{HOST}:{backend}"], workers="2", sessions="all", user=given.user,
                        rules=rules)
    common.expect_user(server, given.user)
    return House(work, server, ports, bundle(work, "trusted", [rsa, ecdsa]), clients, stranger, certificates)
