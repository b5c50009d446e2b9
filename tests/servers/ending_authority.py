"""Authorities, the certificates that they give, and their answers about these: all by openssl, as files."""

import dataclasses
import subprocess
from collections.abc import Sequence

import common
from peers import process
from proxy_logs import DEADLINE, HOST

DAYS = "60"  # of which none is left soon
RSA, ECDSA = ("rsa:2048",), ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")


@dataclasses.dataclass(frozen=True)
class Certificate:
    """Files: the certificate with the issuer's, its key, and all in one."""

    chain: str
    key: str
    both: str


def _openssl(*argv: str) -> str:
    done = subprocess.run(["openssl", *argv], capture_output=True, text=True, check=False, timeout=DEADLINE)
    common.expect(done.returncode == 0, f"openssl {argv[0]} ended with status {done.returncode}: {done.stderr}")
    return done.stdout


class Authority:
    """A root that vouches for itself, whose certificate is in the file `path`, and one below it that issues."""

    def __init__(self, work: process.Workspace, name: str, kind: Sequence[str]) -> None:
        self._folder = work.path / name
        self._folder.mkdir()
        self._kind = kind
        self.path, root_key = self._file("root.pem"), self._file("root.key")
        self._below, self._key = self._file("below.pem"), self._file("below.key")
        _openssl("req", "-x509", "-newkey", *kind, "-nodes", "-subj", f"/CN={name}", "-days", DAYS,
                 "-keyout", root_key, "-out", self.path)
        self._sign("below", f"{name}_below", self._key, self.path, root_key, self._below,
                   "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,cRLSign,digitalSignature\n")

    def _file(self, name: str) -> str:
        return str(self._folder / name)

    def _sign(self, stem: str, name: str, key: str, issuer: str, issuer_key: str, to: str, extensions: str) -> None:
        """A new key, and a certificate for it by that issuer."""
        request, written = self._file(f"{stem}.csr"), self._folder / f"{stem}.ext"
        written.write_text(extensions, encoding="ascii")
        _openssl("req", "-newkey", *self._kind, "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", issuer, "-CAkey", issuer_key, "-days", DAYS, "-sha256",
                 "-CAcreateserial", "-extfile", str(written), "-out", to)

    def issue(self, name: str, *hosts: str, use: str = "serverAuth") -> Certificate:
        """A certificate for these hosts, with a key of the authority's own kind."""
        made = Certificate(*(self._file(f"{name}.{end}") for end in ("pem", "key", "both.pem")))
        names = ",".join(f"IP:{host}" if host == HOST else f"DNS:{host}" for host in hosts)
        self._sign(name, name, made.key, self._below, self._key, made.chain,
                   f"basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage={use}\n"
                   + (f"subjectAltName={names}\n" if names else ""))
        _append(made.chain, self._below)
        _append(made.both, made.chain, made.key)
        return made

    def answer_about(self, certificate: Certificate) -> str:
        """A file with its OCSP response that this one is good (openssl-ocsp(1), openssl-ca(1) has the index)."""
        stem = certificate.chain.removesuffix(".pem")
        serial = _openssl("x509", "-in", certificate.chain, "-noout", "-serial").strip().partition("=")[2]
        with open(f"{stem}.index", "w", encoding="ascii") as index:
            index.write(f"V\t491231235959Z\t\t{serial}\tunknown\t/CN=any\n")
        _openssl("ocsp", "-issuer", self._below, "-cert", certificate.chain, "-reqout", f"{stem}.request")
        _openssl("ocsp", "-index", f"{stem}.index", "-CA", self._below, "-rsigner", self._below,
                 "-rkey", self._key, "-reqin", f"{stem}.request", "-respout", f"{stem}.ocsp", "-ndays", "2")
        return f"{stem}.ocsp"


def bundle(work: process.Workspace, name: str, authorities: Sequence[Authority]) -> str:
    """A file with the roots of all of them."""
    path = str(work.path / f"{name}.pem")
    _append(path, *(authority.path for authority in authorities))
    return path


def _append(path: str, *more: str) -> None:
    with open(path, "a", encoding="ascii") as to:
        for one in more:
            with open(one, encoding="ascii") as text:
                to.write(text.read())
