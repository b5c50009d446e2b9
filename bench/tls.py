"""TLS in front of what is measured: the certificate, and what each proxy is told of it.

It ends at the proxy ("ends"), or passes through to the backend of its name ("passes"), for which the proxy reads the
ClientHello. Everything else is the proxy's default: tickets, two for each handshake in full.
"""

import dataclasses
import pathlib
import subprocess
from typing import Any

from peers import process  # targets.py has made this package known

NAME = "bench.example"  # what request_load asks for
# What can be measured so. The floor and the backend know nothing of TLS, but pass over a ClientHello.
WAYS = {"ends": ("nginx", "haproxy", "weir", "weir-one", "other"),
        "passes": ("direct", "floor", "nginx", "haproxy", "haproxy-splice", "weir", "weir-one", "other")}


@dataclasses.dataclass(frozen=True)
class Files:
    certificate: str
    key: str
    both: str


def files_in(work: process.Workspace) -> Files:
    """A certificate with a key of ECDSA, P-256, that vouches for itself; the same one for all in that workspace."""
    files = Files(*(str(work.path / f"bench.{end}") for end in ("pem", "key", "both.pem")))
    if pathlib.Path(files.both).exists():
        return files
    argv = [process.need("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}", "-days", "60", "-keyout", files.key,
            "-out", files.certificate]
    made = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    if made.returncode != 0:
        raise process.Failure(f"openssl made no certificate: {made.stderr}")
    texts = [pathlib.Path(path).read_text(encoding="ascii") for path in (files.certificate, files.key)]
    pathlib.Path(files.both).write_text("".join(texts), encoding="ascii")
    return files


def of_weir(way: str, work: process.Workspace) -> str:
    """More of its configuration."""
    if not way:
        return ""
    if way == "passes":
        return ('[listeners.front.tls]\nmode = "passthrough"\nno_route = "refuse"\n'
                f'[[listeners.front.routes]]\nserver_names = ["{NAME}"]\npool = "back"\n')
    files = files_in(work)
    return ('[listeners.front.tls]\nmode = "terminate"\n'
            f'certificates = [{{ chain = "{files.certificate}", key = "{files.key}" }}]\n')


def of_nginx(way: str, work: process.Workspace) -> dict[str, Any]:
    """Arguments for its start."""
    if not way:
        return {}
    if way == "passes":
        return {"rules": ["ssl_preread on"], "to": "$to",
                "zones": [f"map $ssl_preread_server_name $to {{ {NAME} backends; default nobody; }}"]}
    files = files_in(work)
    return {"listen_options": "ssl", "rules": [f"ssl_certificate {files.certificate}", f"ssl_certificate_key {files.key}",
                                               "ssl_protocols TLSv1.2 TLSv1.3"]}


def of_haproxy(way: str, work: process.Workspace) -> dict[str, Any]:
    """The same."""
    if not way:
        return {}
    if way == "passes":
        return {"rules": ["tcp-request inspect-delay 5s",
                          f"tcp-request content reject if {{ req.ssl_hello_type 1 }} !{{ req.ssl_sni -i {NAME} }}",
                          "tcp-request content accept if { req.ssl_hello_type 1 }"]}
    return {"bind_options": f"ssl crt {files_in(work).both}"}
