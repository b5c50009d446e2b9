"""What a result was measured on: without it figures mean nothing."""

import datetime
import hashlib
import os
import pathlib
import platform
import re
import subprocess

DIRTY = "-dirty"


def describe(weir: str) -> dict[str, object]:
    return {
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
        "commit": _commit(),
        "load_before": os.getloadavg()[0],
        "versions": {
            "weir": _version([weir, "--version"]),
            "nginx": _version(["nginx", "-v"]),
            "haproxy": _version(["haproxy", "-v"]),
            "pen": _packaged("pen"),
            "systemd": _version(["systemctl", "--version"], "systemd"),
            "wrk": _version(["wrk", "--version"]),
        },
        "settings": {name: _setting(name) for name in (
            "net/ipv4/tcp_tw_reuse", "net/ipv4/ip_local_port_range", "net/core/somaxconn",
            "net/ipv4/tcp_congestion_control")},
    }


def digests(paths: dict[str, str | None]) -> dict[str, str]:
    """SHA-256 of those binaries that are there, by the names that are given."""
    found = {name: pathlib.Path(path) for name, path in paths.items() if path}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in found.items() if path.is_file()}


def upstream(version: str) -> str:
    """Of a kernel's or a package's version, what comes before the packager's part."""
    return version.partition("-")[0]


def _cpu_model() -> str:
    text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    found = re.search(r"^(?:model name|Model|CPU part)\s*:\s*(.*)$", text, re.MULTILINE)
    return found.group(1) if found else platform.machine()


def _setting(name: str) -> str:
    try:
        return pathlib.Path("/proc/sys", name).read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


def _commit() -> str:
    """The commit, with DIRTY behind it when files differ from it. Not so those that measuring and tables.py write."""
    git = ["git", "-C", str(pathlib.Path(__file__).parent)]
    written = [f":(top,exclude){name}" for name in ("README.md", "bench/README.md", "bench/results")]
    differs = _output([*git, "status", "--porcelain", "--untracked-files=no", "--", ":/", *written])
    head = _output([*git, "rev-parse", "--short", "HEAD"])
    return head + DIRTY if differs and head != "unknown" else head


def _output(argv: list[str]) -> str:
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _version(argv: list[str], package: str | None = None) -> str:
    """What a program says of itself; else what its package says."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return _packaged(package) if package else "not installed"
    found = re.search(r"\d+\.\d+[\w.+-]*", done.stdout + done.stderr)
    return found.group(0) if found else _packaged(package) if package else "unknown"


def _packaged(package: str) -> str:
    """The version of one of Debian's packages."""
    return _output(["dpkg-query", "-W", "-f", "${Version}", package])
