#!/usr/bin/env python3
"""What scanners of TLS find at a listener of Weir's with everything as by default: sslscan, and testssl.sh.

No protocol below 1.2, no suite without forward secrecy and AEAD, no compression, no renegotiation by clients, no
known weakness. What is about the authority, which was made for this test and lists no revocations, does not count.
"""

import json
import subprocess
import xml.etree.ElementTree
from collections.abc import Callable

import common
import ending_house
from ending_house import SITE, House
from peers import process
from proxy_logs import HOST

SECONDS = {"sslscan": 60, "testssl": 400}
SUITES = {
    "TLSv1.2": {f"ECDHE-{key}-{suite}" for key in ("ECDSA", "RSA")
                for suite in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")},
    "TLSv1.3": {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"},
}
GROUPS = {"x25519", "secp256r1 (NIST P-256)", "secp384r1 (NIST P-384)"}
# No CRL and no responder to ask: what there is comes with the handshake.
OF_THE_AUTHORITY = {"cert_revocation"}
# Findings by testssl's names that have to be there, and good.
GOOD = ("SSLv2", "SSLv3", "TLS1_2", "TLS1_3", "cipherlist_NULL", "cipherlist_aNULL", "cipherlist_EXPORT",
        "cipherlist_LOW", "cipherlist_STRONG", "cipher_order", "PFS", "PFS_ECDHE_curves", "OCSP_stapling",
        "cert_chain_of_trust", "heartbleed", "CCS", "ticketbleed", "ROBOT", "secure_renego", "secure_client_renego",
        "CRIME_TLS", "POODLE_SSL", "fallback_SCSV", "SWEET32", "FREAK", "DROWN", "LOGJAM", "BEAST", "LUCKY13", "RC4")
NOT_OFFERED = ("TLS1", "TLS1_1", "cipherlist_3DES_IDEA", "cipherlist_AVERAGE")


def run(argv: list[str], seconds: float) -> str:
    done = subprocess.run(process.with_parent(argv), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False, timeout=seconds)
    return done.stdout + done.stderr


def by_sslscan(house: House) -> None:
    """sslscan 2, by its XML."""
    path = house.work.path / "sslscan.xml"
    said = run(["sslscan", "--no-colour", f"--sni-name={SITE}", f"--xml={path}", f"{HOST}:{house.ports['usual']}"],
               SECONDS["sslscan"])
    common.expect(path.exists(), f"sslscan has written nothing: {said[-1500:]}")
    found = xml.etree.ElementTree.parse(path).getroot().find("ssltest")
    common.expect(found is not None, f"sslscan has tested nothing: {said[-1500:]}")
    assert found is not None
    spoken = {f"{one.get('type')} {one.get('version')}" for one in found.findall("protocol") if one.get("enabled") == "1"}
    common.expect(spoken == {"tls 1.2", "tls 1.3"}, f"these are spoken: {spoken}")
    for version, wanted in SUITES.items():
        suites = {one.get("cipher") for one in found.findall("cipher") if one.get("sslversion") == version}
        common.expect(suites == wanted, f"{version} has {suites - wanted}, and has not {wanted - suites}")
        groups = {one.get("name") for one in found.findall("group") if one.get("sslversion") == version}
        common.expect(groups == GROUPS, f"the groups of {version} are {groups}")
    weak = [one.attrib for one in found.findall("cipher") if one.get("strength") not in ("strong", "acceptable")]
    common.expect(not weak, f"weak suites: {weak}")
    for name, key in (("renegotiation", "supported"), ("compression", "supported"), ("heartbleed", "vulnerable")):
        bad = [one.attrib for one in found.findall(name) if one.get(key) != "0"]
        common.expect(not bad, f"{name}: {bad}")
    print(f"{len(found.findall('cipher'))} suites, {len(found)} findings", flush=True)


def by_testssl(house: House) -> None:
    """testssl.sh with all of its tests, by its JSON."""
    path = house.work.path / "testssl.json"
    said = run(["testssl", "--quiet", "--warnings", "off", "--color", "0", "--nodns", "none", "--ip", HOST,
                "--add-ca", house.trusted, "--jsonfile", str(path), f"https://{SITE}:{house.ports['usual']}"],
               SECONDS["testssl"])
    common.expect(path.exists(), f"testssl has written nothing: {said[-1500:]}")
    findings: dict[str, list[dict[str, str]]] = {}
    for one in json.loads(path.read_text(encoding="utf-8")):
        findings.setdefault(one["id"].split()[0], []).append(one)  # behind the name stands which certificate it is about
    common.expect("scanTime" in findings, f"testssl was not through: {said[-1500:]}")
    bad = [one for name, ones in findings.items() for one in ones
           if one["severity"] in ("HIGH", "CRITICAL", "FATAL") and name not in OF_THE_AUTHORITY]
    common.expect(not bad, f"testssl finds {bad}")
    for name in GOOD:
        common.expect({one["severity"] for one in findings.get(name, [])} == {"OK"},
                      f"{name} is not good: {findings.get(name)}")
    for name in NOT_OFFERED:
        common.expect({one["finding"] for one in findings.get(name, [])} == {"not offered"},
                      f"{name} is offered: {findings.get(name)}")
    grades = {one["finding"] for one in findings.get("overall_grade", [])}  # since testssl.sh 3.2
    common.expect(grades <= {"A+", "A"}, f"the grade is {grades}")
    print(f"{len(findings)} kinds of findings in {findings['scanTime'][0]['finding']} s", flush=True)


SCANNERS: dict[str, tuple[str, Callable[[House], None]]] = {
    "sslscan": ("sslscan", by_sslscan), "testssl": ("testssl.sh", by_testssl)}


def test() -> None:
    parser = common.arguments(__doc__)
    parser.add_argument("--by", choices=sorted(SCANNERS), required=True, help="which scanner")
    given = parser.parse_args()
    package, scan = SCANNERS[given.by]
    for program in ("openssl", "nginx"):
        process.need(program, program)
    process.need(given.by, package)
    with process.Workspace() as work:
        house = ending_house.start(work, given)
        scan(house)
        common.expect_ends_well(house.server)


if __name__ == "__main__":
    common.main(test)
