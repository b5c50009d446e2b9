"""A PostgreSQL cluster of the test's own, which trusts everybody on loopback."""

import glob
import os
import pathlib
import shutil
import subprocess

from . import process

OWNER = "postgres"  # the server refuses to run as root
USER = "weir"


def programs() -> pathlib.Path:
    """The folder of the server's own programs, which are not in the path."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    if not found:
        process.skip("initdb is not installed (Debian's package: postgresql)")
    return pathlib.Path(found[-1]).parent


def as_owner(argv: list[str]) -> list[str]:
    if os.geteuid() != 0:
        return argv
    return ["setpriv", f"--reuid={OWNER}", f"--regid={OWNER}", "--init-groups", "--", *argv]


def run(argv: list[str], env: dict[str, str] | None = None) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120, env=env)
    if done.returncode != 0:
        raise process.Failure(f"{argv} ended with status {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


class Cluster:
    """Its data, and the server that runs on them. It keeps its port when it is started again."""

    def __init__(self, work: process.Workspace, name: str = "postgresql", certificate: str = "") -> None:
        """With a certificate, a file with its key in it, the server speaks TLS to those who ask for it."""
        self.name, self.port, self._settings = name, work.free_port(), ["fsync=off"]
        self._work, self._folder = work, work.path / name
        self._folder.mkdir()
        if os.geteuid() == 0:
            work.path.chmod(0o711)
            shutil.chown(self._folder, OWNER, OWNER)
        if certificate:
            self._speak_tls(certificate)
        run(as_owner([str(programs() / "initdb"), "-D", self._data(), "-A", "trust", "-U", USER, "--no-sync"]))
        self.server = self.start()

    def _data(self) -> str:
        return str(self._folder / "data")

    def _speak_tls(self, certificate: str) -> None:
        # It takes a key only from a file that is its owner's alone.
        own = shutil.copy(certificate, self._folder / "certificate.pem")
        own.chmod(0o600)
        if os.geteuid() == 0:
            shutil.chown(own, OWNER, OWNER)
        self._settings += ["ssl=on", f"ssl_cert_file={own}", f"ssl_key_file={own}"]

    def start(self) -> subprocess.Popen[bytes]:
        argv = [str(programs() / "postgres"), "-D", self._data(), "-p", str(self.port), "-c", "listen_addresses=127.0.0.1",
                "-c", f"unix_socket_directories={self._folder}"]
        argv += [word for setting in self._settings for word in ("-c", setting)]
        self.server = self._work.spawn(self.name, as_owner(argv))
        self._work.wait_for_port(self.name, self.server, "127.0.0.1", self.port)
        # Its port is open, and it answers with errors, while it still recovers from having been killed.
        process.wait_until(self._is_ready, f"{self.name} to take logins")
        return self.server

    def _is_ready(self) -> bool:
        asked = [str(programs() / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER]
        return subprocess.run(asked, check=False, timeout=30).returncode == 0
