"""A bare Debian for a package to be installed in: a root of its own with process, mount, network and control-group
namespaces of its own, with systemd as its first process or with none. What runs on this machine is not touched."""

import ctypes
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

from peers import process  # noqa: E402

CLONE_NEWNET = 0x40000000
# What the tests need in it beside what the package depends on: systemd as it is installed everywhere, and rotation.
ALWAYS = ["systemd", "systemd-sysv", "dbus", "logrotate"]
# The first process's own: /proc and the like, and no other devices than these.
ENTER = """
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
if [ "$2" = /lib/systemd/systemd ]; then mount -t cgroup2 cgroup2 sys/fs/cgroup; fi
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for name in null zero full random urandom tty; do touch dev/$name; mount --bind /dev/$name dev/$name; done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs tmpfs dev/shm
ip link set lo up
pivot_root . mnt
umount -l mnt
shift
exec env -i container=weir-test PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@" </dev/null
"""
# A first process that only takes the ends of those who lost their parents.
IDLE = ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1 & wait; done"]


def depends_of(deb: pathlib.Path) -> list[str]:
    """The packages that a package depends on, of alternatives the first."""
    field = subprocess.run(["dpkg-deb", "--field", deb, "Depends"], capture_output=True, text=True, check=True).stdout
    return [re.split(r"[ (|]", one.strip())[0] for one in field.split(",") if one.strip()]


def _archive() -> tuple[str, str]:
    """Where this machine has its packages from, and the name of its distribution."""
    said = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)|$(CODENAME)|$(COMPONENT)|$(CREATED_BY)"],
                          capture_output=True, text=True, check=True).stdout
    codename = re.search(r"^VERSION_CODENAME=(\S+)$", pathlib.Path("/etc/os-release").read_text(), re.MULTILINE)
    for line in said.splitlines():
        uri, suite, component, kind = line.split("|")
        if codename and (suite, component, kind) == (codename.group(1), "main", "Packages"):
            return uri, suite
    process.skip("apt has no source for this Debian's own packages")
    raise AssertionError


def base_root(folder: pathlib.Path, deb: pathlib.Path) -> pathlib.Path:
    """A root with what `deb` depends on and without it, made once in `folder` and kept."""
    process.need("debootstrap", "debootstrap")
    packages = sorted({*ALWAYS, *depends_of(deb)})
    root, stamp = folder / "root", folder / "root.packages"
    if stamp.exists() and stamp.read_text() == " ".join(packages):
        return root
    archive, suite = _archive()
    stamp.unlink(missing_ok=True)
    shutil.rmtree(root, ignore_errors=True)
    print(f"making a root of {suite} in {root}", flush=True)
    with open(folder / "root.log", "wb") as log:
        made = subprocess.run(["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", suite, root, archive],
                              stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
    if made.returncode != 0:
        raise process.Failure(f"debootstrap failed: {(folder / 'root.log').read_text()[-2000:]}")
    stamp.write_text(" ".join(packages))
    return root


def _control_groups() -> pathlib.Path | None:
    """Where this machine has the control groups of version 2."""
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind == "cgroup2" and os.access(where, os.W_OK):
            return pathlib.Path(where)
    return None


class Machine:
    """A copy of the bare root with something running in it. Leaving the `with` block ends and removes all of it."""

    def __init__(self, base: pathlib.Path, systemd: bool) -> None:
        groups = _control_groups()
        if systemd and groups is None:
            process.skip("systemd needs control groups of version 2, and here are none that can be written")
        self.systemd = systemd
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="machine.", dir=base.parent))
        self.root = self.folder / "root"
        self._group = groups / f"weir-{self.folder.name}" if systemd and groups else None
        self._process: subprocess.Popen[bytes] | None = None
        self.init = 0  # its first process's id, as this machine sees it

    def __enter__(self) -> "Machine":
        try:
            subprocess.run(["cp", "--archive", "--reflink=auto", self.folder.parent / "root", self.root], check=True)
            # Nobody's name is asked for elsewhere.
            (self.root / "etc/resolv.conf").write_text("")
            (self.root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        if self._process is not None:
            self._process.kill()  # its --kill-child takes the namespace along
            self._process.wait()
        if self._group is not None and self._group.exists():
            for folder, _, _ in os.walk(self._group, topdown=False):
                process.wait_until(lambda gone=folder: _removed(gone), f"{folder} to be empty")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        command = ["/lib/systemd/systemd", "--log-target=journal", "--show-status=0"] if self.systemd else IDLE
        join = ""
        if self._group is not None:
            self._group.mkdir()
            join = f"echo $$ >'{self._group}/cgroup.procs'; "
        own = ["--mount", "--pid", "--net", "--uts", "--ipc", *(["--cgroup"] if self.systemd else [])]
        with open(self.folder / "console", "wb") as console:
            self._process = subprocess.Popen(
                ["sh", "-c", join + 'exec "$@"', "sh", "unshare", *own, "--fork", "--kill-child", "sh", "-c", ENTER, "sh",
                 self.root, *command], stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        process.wait_until(self._is_up, "the machine's first process", 60)
        if self.systemd:
            process.wait_until(lambda: self.run("systemctl", "is-system-running", check=False).stdout.strip()
                               in ("running", "degraded"), "systemd to be up", 60)

    def _is_up(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise process.Failure(f"the machine ended: {(self.folder / 'console').read_text()}")
        children = pathlib.Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        if not children:
            return False
        self.init = int(children[0])
        words = pathlib.Path(f"/proc/{self.init}/cmdline").read_bytes().split(b"\0")
        return words[0] == (b"/lib/systemd/systemd" if self.systemd else b"/bin/sh") and words[1:2] != [b""] \
            and ENTER.encode() not in words

    def enter(self, *command: str) -> list[str]:
        """The command, so that it runs in the machine."""
        own = ["--mount", "--pid", "--net", "--uts", "--ipc", *(["--cgroup"] if self.systemd else [])]
        return ["nsenter", "--target", str(self.init), *own, "--root", "--wd", "--", "env", "-i", "HOME=/root", "LANG=C.UTF-8",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", *command]

    def run(self, *command: str, check: bool = True, seconds: float = 200) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(self.enter(*command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=seconds, check=False)
        if check and done.returncode != 0:
            raise process.Failure(f"{' '.join(command)}: exit status {done.returncode}: {done.stdout}")
        return done

    def says(self, *command: str) -> str:
        """What a command prints that must succeed."""
        return self.run(*command).stdout.strip()

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """A file of the machine, in a folder that is on its disk."""
        there = self.root / path.lstrip("/")
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_text(text, encoding="utf-8")
        there.chmod(mode)

    def join_network(self) -> None:
        """Has this thread, and those that it starts, open its sockets in the machine."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open(f"/proc/{self.init}/ns/net", "rb") as network:
            if libc.setns(network.fileno(), CLONE_NEWNET) != 0:
                raise process.Failure(f"setns: {os.strerror(ctypes.get_errno())}")

    def files(self) -> set[str]:
        """Every path on its disk."""
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*")}


def _removed(folder: str) -> bool:
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
