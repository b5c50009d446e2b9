"""The Debian package of the last commit, in two versions, and a machine in which it is installed."""

import json
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

from package_root import Machine, base_root  # noqa: E402
from package_sessions import ask_once  # noqa: E402
from peers import process  # noqa: E402
from peers.process import expect  # noqa: E402

CONFIG_FILE = "/etc/weir/weir.toml"
PORT = 8080
DOOR = '[admin]\nbind = "unix:/run/weir/admin.sock"\n'
# Changes nothing for anybody.
DOOR_THAT_ONLY_SHOWS = '[admin]\nbind = "127.0.0.1:9900"\n'
CONFIG = """\
{door}
[log]
output = "{output}"
[listeners.web]
bind = "127.0.0.1:8080"
pool = "web"
[pools.web]
backends = ["127.0.0.1:{backend}"]
"""
# A pool that is missing.
MISTAKE = '[listeners.other]\nbind = "127.0.0.1:8081"\n'
# A relative link of Markdown.
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
# What a package manager, a system and a log leave behind, whoever the package is.
OF_OTHERS = re.compile(r"^(var/lib/(dpkg|systemd|apt|logrotate)|var/log|var/cache|var/tmp|tmp|etc/(passwd|group|shadow|gshadow)-?$"
                       r"|etc/\.pwd\.lock|etc/machine-id|root/|etc/systemd/system($|/.*wants)|run|dev|proc|sys)")


class Packages:
    """Two packages of the last commit, the second with a higher version."""

    def __init__(self, project: pathlib.Path) -> None:
        self._folder = project / "build/package"
        head = process_output(["git", "-C", str(project), "rev-parse", "HEAD"])
        first = re.match(r"weir \((.*?)\)", process_output(["git", "-C", str(project), "show", "HEAD:debian/changelog"]))
        assert first
        self.versions = (first.group(1), first.group(1) + "+next")
        stamp = self._folder / "tested"
        if not stamp.exists() or stamp.read_text() != head:
            process.need("dpkg-buildpackage", "dpkg-dev")
            process.need("dh", "debhelper")
            print("building two packages of the last commit", flush=True)
            stamp.unlink(missing_ok=True)
            subprocess.run([project / "scripts/package.sh", *self.versions], check=True)
            stamp.write_text(head)

    def deb(self, version: str) -> pathlib.Path:
        (found,) = self._folder.glob(f"weir_{version}_*.deb")
        return found

    def base(self) -> pathlib.Path:
        return base_root(self._folder, self.deb(self.versions[0]))


def process_output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


class House:
    """A machine with the packages at hand."""

    def __init__(self, machine: Machine, packages: Packages) -> None:
        self.machine = machine
        self.old, self.new = packages.versions
        for version in packages.versions:
            deb = packages.deb(version)
            (machine.root / f"root/{version}.deb").write_bytes(deb.read_bytes())
        self.before = machine.files()

    def install(self, version: str) -> str:
        """What dpkg and the package's scripts say."""
        return self.machine.says("dpkg", "--install", "--force-confold", f"/root/{version}.deb")

    def configure(self, backend: int, door: str = DOOR, output: str = "stderr", more: str = "") -> None:
        self.machine.write(CONFIG_FILE, CONFIG.format(door=door, output=output, backend=backend) + more)

    def running_version(self) -> str:
        status = json.loads(self.machine.says("weir", "ctl", "status", "--json"))
        return status["process"]["version"]

    def expect_installed(self) -> None:
        for path in ("/usr/bin/weir", "/usr/share/man/man8/weir.8.gz", "/usr/share/man/man5/weir.toml.5.gz",
                     "/lib/systemd/system/weir.service", "/etc/logrotate.d/weir", CONFIG_FILE,
                     "/usr/share/bash-completion/completions/weir", "/usr/share/zsh/vendor-completions/_weir",
                     "/usr/share/fish/vendor_completions.d/weir.fish", "/usr/share/doc/weir/examples/weir.toml"):
            expect((self.machine.root / path.lstrip("/")).is_file(), f"{path} is not there")
        self._expect_documentation()
        user = self.machine.says("getent", "passwd", "weir").split(":")
        expect(user[6] == "/usr/sbin/nologin" and int(user[2]) < 1000, f"weir is no system user: {user}")
        said = self.machine.says("weir", "check", CONFIG_FILE)
        expect("ok" in said and "warning" not in said, f"the default configuration: {said}")

    def _expect_documentation(self) -> None:
        """Every link of a page leads to something, and editors find the schema."""
        folder = self.machine.root / "usr/share/doc/weir"
        pages = list(folder.rglob("*.md"))
        expect(len(pages) > 10, f"the pages are missing: {pages}")
        dead = [f"{page.name}: {target}" for page in pages for target in LINK.findall(page.read_text())
                if not (page.parent / target).exists()]
        expect(not dead, f"links that lead nowhere: {dead}")
        named = re.match(r"#:schema file://(\S+)\n", (folder / "examples/minimal.toml").read_text())
        expect(named is not None and (self.machine.root / named[1].lstrip("/")).is_file(), "the examples' schema is not there")

    def expect_left(self) -> None:
        """Nothing of the package is there any more, but its user."""
        self.machine.run("rm", "-rf", "/etc/systemd/system/weir.service.d", "/etc/systemd/system/weir.socket",
                         "/root/by_hand.log")
        left = {path for path in self.machine.files() - self.before if not OF_OTHERS.match(path)}
        left |= {path for path in self.machine.files() - self.before if "weir" in path and not path.startswith("var/lib/dpkg/")}
        expect(not left, f"left behind: {sorted(left)}")
        gone = {path for path in self.before - self.machine.files() if not OF_OTHERS.match(path)}
        expect(not gone, f"taken along: {sorted(gone)}")
        expect(self.machine.run("dpkg", "--status", "weir", check=False).returncode != 0, "dpkg knows it still")


def serving(machine: Machine) -> dict[int, str]:
    """The processes that run `weir run`, with their configuration, as the machine counts them."""
    said = machine.says("/usr/libexec/weir/processes")
    return {int(line.split()[0]): line.split()[1] for line in said.splitlines()}


def read(machine: Machine, path: str) -> bytes:
    file = machine.root / path
    return file.read_bytes() if file.exists() else b""


def rotate(machine: Machine) -> None:
    """logrotate moves the log away, and Weir goes on in a new file."""
    said = machine.run("logrotate", "--debug", "/etc/logrotate.d/weir").stdout
    expect("error" not in said, f"logrotate does not like its file: {said}")
    machine.says("logrotate", "--force", "/etc/logrotate.d/weir")
    expect(b"ready" in read(machine, "var/log/weir/weir.log.1"), "the log was not moved away")
    ask_once(PORT)
    process.wait_until(lambda: b"session" in read(machine, "var/log/weir/weir.log"), "the new log to be written", 20)
