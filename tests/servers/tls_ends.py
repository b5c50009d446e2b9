#!/usr/bin/env python3
"""TLS that ends at Weir, as `openssl s_client` sees it: versions, ciphers, certificates, sessions and the like.

What the client tells of the connection has to be what was asked for, and what Weir's log says of it.
"""

import itertools
import os

import common
import ending_client
import ending_house
from ending_client import Said
from ending_house import PROTOCOLS, SHOP, SITE, House
from peers import process

VERSIONS = ("-tls1_2", "-tls1_3")
SUITES = {  # by the version and the kind of key that they are for
    "-cipher ECDHE-ECDSA-AES128-GCM-SHA256": "site_ecdsa", "-cipher ECDHE-RSA-AES128-GCM-SHA256": "site_rsa",
    "-cipher ECDHE-ECDSA-AES256-GCM-SHA384": "site_ecdsa", "-cipher ECDHE-RSA-AES256-GCM-SHA384": "site_rsa",
    "-cipher ECDHE-ECDSA-CHACHA20-POLY1305": "site_ecdsa", "-cipher ECDHE-RSA-CHACHA20-POLY1305": "site_rsa",
    "-ciphersuites TLS_AES_128_GCM_SHA256": "site_ecdsa", "-ciphersuites TLS_AES_256_GCM_SHA384": "site_ecdsa",
    "-ciphersuites TLS_CHACHA20_POLY1305_SHA256": "site_ecdsa",
}
GROUPS = {"X25519": "X25519", "P-256": "prime256v1", "P-384": "secp384r1"}


def ask(house: House, listener: str, *options: str, name: str = SITE) -> tuple[Said, str]:
    """What the client says, and its address."""
    source = house.source()
    return ending_client.ask(house.ports[listener], source, house.trusted, *options, name=name), source


def served(house: House, listener: str, *options: str, name: str = SITE, **wanted: str) -> dict[str, str]:
    """Weir's line about a client that is served, and tells this of its connection."""
    said, source = ask(house, listener, *options, name=name)
    said.expect(verified="OK", **wanted)
    line = house.session(source)
    logged = {key: line.get(key, "") for key in ("tls", "tls_cipher", "alpn", "server_name")}
    common.expect(logged == {"tls": said.tells("version"), "tls_cipher": said.tells("cipher"),
                             "alpn": said.tells("alpn"), "server_name": name.lower()},
                  f"{said} and Weir's log do not agree: {line}")
    common.expect(line["reason"] in ("backend_end", "client_end") and "tls_fault" not in line,
                  f"{said} did not end well: {line}")
    common.expect(int(line["upload"]) == len(ending_client.GET), f"{said} has sent other bytes: {line}")
    return line


def refused(house: House, listener: str, why: str, fault: str, *options: str, name: str = SITE) -> None:
    """A client that Weir turns away in its handshake: it is told so, and Weir's log has the fault."""
    said, source = ask(house, listener, *options, name=name)
    said.expect_refused(why)
    expect_fault(house, said, source, fault)


def expect_fault(house: House, said: Said, source: str, fault: str) -> None:
    line = house.session(source)
    common.expect(line["reason"] == "handshake" and fault in line.get("tls_fault", ""),
                  f"{said}: the fault {fault!r} was expected in Weir's log: {line}")


def versions(house: House) -> None:
    """TLS 1.2 and 1.3 are spoken, older ones are not, and 1.2 only where it may be."""
    for version in VERSIONS:
        served(house, "usual", version, version=version.replace("-tls", "TLSv").replace("_", "."))
    served(house, "usual", version="TLSv1.3")
    served(house, "modern", version="TLSv1.3")
    refused(house, "modern", "alert protocol version", "unsupported protocol", "-tls1_2")
    for version in ("-tls1", "-tls1_1"):
        source = house.source()
        said = ending_client.ask_in_old(house.ports["usual"], source, version)
        said.expect_refused("alert protocol version")
        expect_fault(house, said, source, "unsupported protocol")


def ciphers(house: House) -> None:
    """Each suite of Weir's own, with the certificate that it needs; none without forward secrecy or AEAD."""
    for option, certificate in SUITES.items():
        key, suite = option.split()
        version = "-tls1_2" if key == "-cipher" else "-tls1_3"
        served(house, "usual", version, key, suite, cipher=suite, subject=certificate, compression="NONE")
    for suite in ("AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES256-SHA384", "AES256-SHA",
                  "DHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-CCM"):
        refused(house, "usual", "alert handshake failure", "no shared cipher", "-tls1_2", "-cipher", suite)
    served(house, "chosen", "-tls1_2", cipher="ECDHE-ECDSA-AES256-GCM-SHA384")
    served(house, "chosen", "-tls1_3", cipher="TLS_CHACHA20_POLY1305_SHA256")
    refused(house, "chosen", "alert handshake failure", "no shared cipher", "-tls1_2",
            "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256")
    refused(house, "chosen", "alert handshake failure", "no shared cipher", "-tls1_3",
            "-ciphersuites", "TLS_AES_128_GCM_SHA256")


def groups(house: House) -> None:
    """X25519 first, P-256 and P-384 for those that know no other, and what a listener chooses."""
    for version, (option, group) in itertools.product(VERSIONS, GROUPS.items()):
        served(house, "usual", version, "-groups", option, group=group)
    for version in VERSIONS:
        served(house, "usual", version, group="X25519")
        served(house, "chosen", version, group="prime256v1")
    served(house, "usual", "-tls1_2", "-groups", "P-256:X25519", group="X25519")
    # In TLS 1.3 that would take another round trip: the client has sent its share of P-256 already.
    served(house, "usual", "-tls1_3", "-groups", "P-256:X25519", group="prime256v1")
    refused(house, "chosen", "alert handshake failure", "no s", "-tls1_3", "-groups", "X25519")
    refused(house, "usual", "alert handshake failure", "no s", "-tls1_3", "-groups", "P-521")


def protocols(house: House) -> None:
    """The listener's order counts in ALPN; without one in common the client is told so."""
    first, second = PROTOCOLS
    for version in VERSIONS:
        served(house, "usual", version, "-alpn", f"{second},{first}", alpn=first)
        served(house, "usual", version, "-alpn", f"h2,{second}", alpn=second)
        served(house, "usual", version, alpn="")
        refused(house, "usual", "alert no application protocol", "no application protocol", version, "-alpn", "h2,spdy/3")


def names(house: House) -> None:
    """The certificate for the name: exact, by wildcard; the first one for others and for none."""
    for version in VERSIONS:
        served(house, "usual", version, name=SHOP, subject="shop")
        served(house, "usual", version, name=SHOP.upper(), subject="shop")
        for name in ("a.wild.example", "b.wild.example"):
            served(house, "usual", version, name=name, subject="wild")
        served(house, "usual", version, name=SITE, subject="site_ecdsa")
        for name in ("other.example", "a.b.wild.example", "wild.example"):
            said, _ = ask(house, "usual", version, name=name)
            said.expect_refused("verify error:num=62:hostname mismatch")
        said, source = ask(house, "usual", version, name="")
        said.expect(verified="OK", subject="site_ecdsa")
        common.expect("server_name" not in house.session(source), f"{said} has asked for no name")


def signatures(house: House) -> None:
    """A client gets the certificate whose signatures it takes."""
    only_rsa = ("-sigalgs", "RSA-PSS+SHA256:RSA+SHA256")
    served(house, "usual", "-tls1_3", *only_rsa, subject="site_rsa", signature="RSA-PSS")
    served(house, "usual", "-tls1_3", "-sigalgs", "ECDSA+SHA256", subject="site_ecdsa", signature="ECDSA")
    served(house, "usual", "-tls1_2", "-sigalgs", "RSA+SHA256", subject="site_rsa", signature="RSA")
    served(house, "usual", "-tls1_2", "-sigalgs", "ECDSA+SHA256", subject="site_ecdsa", signature="ECDSA")
    served(house, "usual", "-tls1_3", *only_rsa, name=SHOP, subject="shop")
    refused(house, "usual", "alert handshake failure", "no s", "-tls1_3", "-sigalgs", "ECDSA+SHA256", name=SHOP)


def again(house: House) -> None:
    """Sessions are resumed, at another listener too where both have the same keys of tickets, and else are not."""
    for version in VERSIONS:
        for first, second, how in (("usual", "usual", "Reused"), ("shared", "too_shared", "Reused"),
                                   ("usual", "shared", "New"), ("shared", "usual", "New"),
                                   ("shared", "ticketless", "New")):
            file = str(house.work.path / f"{first}{second}{version}.session")
            line = served(house, first, version, "-sess_out", file, how="New")
            common.expect("tls_resumed" not in line, f"a new session is logged as one of before: {line}")
            line = served(house, second, version, "-sess_in", file, how=how)
            common.expect(line.get("tls_resumed", "0") == ("1" if how == "Reused" else "0"),
                          f"{how} at {second} after {first}: {line}")
        file = str(house.work.path / f"ticketless{version}.session")
        served(house, "ticketless", version, "-sess_out", file, how="New")
        common.expect(not os.path.exists(file), f"without tickets a session was given out in {version}")


def clients(house: House) -> None:
    """Certificates of clients: required, optional, and of an authority that is not known."""
    good = house.clients.issue("alice", use="clientAuth")
    bad = house.stranger.issue("mallory", use="clientAuth")
    server_only = house.clients.issue("server_only", use="serverAuth")
    shown = ("-cert", good.chain, "-cert_chain", good.chain, "-key", good.key)
    for listener, version in itertools.product(("required", "optional"), VERSIONS):
        line = served(house, listener, version, *shown, authorities="client_authority")
        common.expect(line.get("tls_client", "") == '"CN=alice"' or line.get("tls_client", "") == "CN=alice",
                      f"the client's certificate is not in Weir's log: {line}")
        refused(house, listener, "alert unknown ca", "certificate verify failed", version, "-cert", bad.chain,
                "-cert_chain", bad.chain, "-key", bad.key)
        refused(house, listener, "alert unsupported certificate", "certificate verify failed", version,
                "-cert", server_only.chain, "-cert_chain", server_only.chain, "-key", server_only.key)
    for version in VERSIONS:
        line = served(house, "optional", version, authorities="client_authority")
        common.expect("tls_client" not in line, f"a client without a certificate is logged with one: {line}")
        line = served(house, "usual", version, *shown, authorities="")
        common.expect("tls_client" not in line, f"nobody asked for a certificate: {line}")
    refused(house, "required", "alert handshake failure", "peer did not return a certificate", "-tls1_2")
    refused(house, "required", "alert certificate required", "peer did not return a certificate", "-tls1_3")


def again_with_certificate(house: House) -> None:
    """A session that is resumed still knows the client's certificate."""
    good = house.clients.issue("bob", use="clientAuth")
    shown = ("-cert", good.chain, "-cert_chain", good.chain, "-key", good.key)
    for listener, version in itertools.product(("required", "optional"), VERSIONS):
        file = str(house.work.path / f"{listener}{version}.session")
        served(house, listener, version, *shown, "-sess_out", file, how="New")
        line = served(house, listener, version, *shown, "-sess_in", file, how="Reused")
        common.expect("CN=bob" in line.get("tls_client", ""), f"the certificate is not known any more: {line}")


def staples(house: House) -> None:
    """An OCSP response for those that ask for one, with the certificate that it is about."""
    for version in VERSIONS:
        served(house, "usual", version, "-status", staple="successful", stapled="good")
        served(house, "usual", version, staple="")
        served(house, "usual", version, "-status", name=SHOP, staple="")
    served(house, "usual", "-tls1_2", "-status", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256", subject="site_rsa",
           staple="successful", stapled="good")


def renegotiation(house: House) -> None:
    """No client may begin another handshake, though the extension that makes that safe is there."""
    served(house, "usual", "-tls1_2", renegotiation="IS")
    source = house.source()
    said = ending_client.renegotiate(house.ports["usual"], source)
    said.expect_refused("RENEGOTIATING\n.*:no renegotiation:")
    line = house.session(source)
    common.expect(line["tls"] == "TLSv1.2" and line["state"] != "handshake" and line["upload"] == "0",
                  f"who may not renegotiate was served before: {line}")


PARTS = (versions, ciphers, groups, protocols, names, signatures, again, clients, again_with_certificate, staples,
         renegotiation)


def test() -> None:
    given = common.arguments(__doc__).parse_args()
    common.need_root_for(given.user)
    for program in ("openssl", "nginx"):
        process.need(program, program)
    with process.Workspace() as work:
        house = ending_house.start(work, given)
        for part in PARTS:
            print(f"-- {part.__doc__}", flush=True)
            part(house)
        common.expect_ends_well(house.server)


if __name__ == "__main__":
    common.main(test)
