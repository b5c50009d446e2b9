"""`openssl s_client`, which asks once in HTTP, and what it says of the connection."""

import dataclasses
import re
import subprocess
import time

import common
from peers import process
from proxy_logs import DEADLINE, HOST

GET = b"GET / HTTP/1.0\r\n\r\n"  # the answer ends with the stream
_OLD = "ALL:@SECLEVEL=0"         # without it openssl does not even speak TLS below 1.2

# What is told of a connection, each by its line.
_TOLD = {
    "version": r"^(?:New|Reused), (TLSv1\.\d), Cipher is ",
    "cipher": r"^(?:New|Reused), TLSv1\.\d, Cipher is (\S+)",
    "how": r"^(New|Reused), TLSv1",
    "alpn": r"^ALPN protocol: (.*)",
    "group": r"^Server Temp Key: (?:ECDH, )?(\w+)",
    "signature": r"^Peer signature type: (\S+)",
    "subject": r"^subject=CN = (\S+)",
    "authorities": r"^Acceptable client certificate CA names\nCN = (\S+)",
    "verified": r"^Verification: (.*)",
    "compression": r"^Compression: (\S+)",
    "renegotiation": r"^Secure Renegotiation (IS|IS NOT) supported",
    "staple": r"^ +OCSP Response Status: (\w+)",
    "stapled": r"^ +Cert Status: (\w+)",
}


@dataclasses.dataclass(frozen=True)
class Said:
    """The program's whole output, and its exit status."""

    argv: list[str]
    text: str
    status: int

    def tells(self, key: str) -> str:
        """Of the connection; empty when nothing is said of it."""
        found = re.search(_TOLD[key], self.text, re.MULTILINE)
        return found[1] if found else ""

    def expect(self, **wanted: str) -> "Said":
        """It has been answered, and tells so of the connection."""
        told = {key: self.tells(key) for key in wanted}
        common.expect(told == wanted, f"{self}: {wanted} was expected, and it is {told}")
        common.expect(self.status == 0 and "\nok\n" in self.text, f"{self} got no answer: {self.text[-1500:]}")
        return self

    def expect_refused(self, why: str) -> None:
        """It got no answer, and says why."""
        common.expect(self.status != 0 and "\nok\n" not in self.text, f"{self} was answered: {self.text[-1500:]}")
        common.expect(re.search(why, self.text) is not None, f"{self}: {why} was expected: {self.text[-1500:]}")

    def __str__(self) -> str:
        return f"`{' '.join(self.argv)}`"


def _argv(port: int, source: str, options: tuple[str, ...]) -> list[str]:
    return ["openssl", "s_client", "-connect", f"{HOST}:{port}", "-bind", f"{source}:0", *options]


def ask(port: int, source: str, trusted: str, *options: str, name: str = "") -> Said:
    """Asks for that name, which the certificate must be for; without one that is not looked at."""
    named = ("-servername", name, "-verify_hostname", name) if name else ("-noservername",)
    argv = _argv(port, source, ("-CAfile", trusted, "-verify_return_error", "-ign_eof", *named, *options))
    done = subprocess.run(process.with_parent(argv), input=GET, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, timeout=DEADLINE)
    return Said(argv, done.stdout.decode(errors="replace"), done.returncode)


def ask_in_old(port: int, source: str, version: str) -> Said:
    """In a version of TLS before 1.2, without a look at certificates."""
    argv = _argv(port, source, (version, "-cipher", _OLD, "-ign_eof"))
    done = subprocess.run(process.with_parent(argv), input=GET, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, timeout=DEADLINE)
    return Said(argv, done.stdout.decode(errors="replace"), done.returncode)


def renegotiate(port: int, source: str) -> Said:
    """By the command "R", which is in its own line, after the handshake; stays until that has come to something."""
    argv = _argv(port, source, ("-tls1_2",))
    with subprocess.Popen(process.with_parent(argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as client:
        assert client.stdin and client.stdout
        said = b""
        late = time.monotonic() + DEADLINE
        while b"Verify return code" not in said and time.monotonic() < late and (more := client.stdout.read1(65536)):
            said += more
        client.stdin.write(b"R\n")
        client.stdin.flush()
        try:
            client.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            client.kill()
        said += client.stdout.read()
    return Said(argv, said.decode(errors="replace"), client.returncode)
