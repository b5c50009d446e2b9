"""Becomes the process of one service, inside its namespaces: given what it may see as JSON, makes a root directory for
it (this machine's files, with changes that stay in memory), mounts its volumes, gives up rights, and executes it."""

import ctypes
import json
import os
import pathlib
import resource
import socket
import subprocess
import sys

PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
CAPABILITIES = {"NET_BIND_SERVICE": 10, "NET_ADMIN": 12, "NET_RAW": 13}
# What an engine shows of /dev, as far as anything here looks at it.
DEVICES = ("null", "zero", "full", "random", "urandom")


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def make_root(memory: pathlib.Path) -> pathlib.Path:
    """A root that begins as this machine's: what is written to it is gone with the process."""
    # Nothing mounted here shows outside. In a chroot the root is no mount, of which that could be said.
    subprocess.run(["mount", "--make-rprivate", "/"], stderr=subprocess.DEVNULL, check=False)
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(memory))
    mount("--make-private", str(memory))
    upper, work, root = memory / "upper", memory / "work", memory / "root"
    for folder in (upper, work, root):
        folder.mkdir()
    mount("-t", "overlay", "-o", f"lowerdir=/,upperdir={upper},workdir={work}", "overlay", str(root))
    mount("-t", "proc", "proc", str(root / "proc"))
    for folder, mode in (("tmp", "1777"), ("run", "755"), ("dev", "755")):
        mount("-t", "tmpfs", "-o", f"mode={mode}", "tmpfs", str(root / folder))
    for name in DEVICES:
        (root / "dev" / name).touch()
        mount("--bind", f"/dev/{name}", str(root / "dev" / name))
    for name, number in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        (root / "dev" / name).symlink_to(f"/proc/self/fd{number}")
    return root


def bind(root: pathlib.Path, source: str, target: str, read_only: bool) -> None:
    at = root / target.lstrip("/")
    at.parent.mkdir(parents=True, exist_ok=True)
    if pathlib.Path(source).is_dir():
        at.mkdir(exist_ok=True)
    else:
        at.touch()
    mount("--bind", source, str(at))
    if read_only:
        mount("-o", "remount,bind,ro", str(at))


def limit_files(soft: int, hard: int) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    except ValueError:  # root need not have the right to raise it
        print(f"nofile {hard} is more than may be had here: it is {most}", file=sys.stderr, flush=True)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, most), most))


def give_up_rights(spec: dict) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if spec["drops_capabilities"]:
        kept = {CAPABILITIES[name] for name in spec["adds_capabilities"]}
        for number in range(64):
            if number not in kept:
                libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)
    user, _, group = spec["user"].partition(":")
    os.setgroups([])
    os.setresgid(*[int(group or user)] * 3)
    os.setresuid(*[int(user)] * 3)
    if spec["no_new_privileges"]:
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def main() -> None:
    spec = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    told = int(sys.argv[2])
    socket.sethostname(spec["hostname"])
    for name, value in spec["sysctls"].items():
        pathlib.Path("/proc/sys", name.replace(".", "/")).write_text(value, encoding="ascii")
    root = make_root(pathlib.Path(spec["memory"]))
    for source, target, read_only in spec["volumes"]:
        bind(root, source, target, read_only)
    for target in spec["tmpfs"]:
        at = root / target.lstrip("/")
        at.mkdir(parents=True, exist_ok=True)
        mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", str(at))
    if spec["read_only"]:
        mount("-o", "remount,ro", str(root))
    if spec["cpus"]:
        os.sched_setaffinity(0, {int(cpu) for cpu in spec["cpus"].split(",")})
    if spec["nofile"]:
        limit_files(*spec["nofile"])
    os.chroot(root)
    os.chdir("/")
    give_up_rights(spec)
    os.set_inheritable(told, False)
    os.write(told, b"ok\n")
    os.execvpe(spec["command"][0], spec["command"], spec["environment"])


if __name__ == "__main__":
    main()
