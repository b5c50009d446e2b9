#!/usr/bin/env python3
"""The Debian package, in a bare root: installed, run, upgraded under sessions, removed, purged.

usage: package.py lintian | bare | systemd     with --project FOLDER, of which the last commit is packaged
"""

import argparse
import functools
import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

import common  # noqa: E402
from package_bare import bare  # noqa: E402
from package_house import Packages  # noqa: E402
from package_systemd import under_systemd  # noqa: E402
from peers import process  # noqa: E402
from peers.process import expect  # noqa: E402


def lintian(packages: Packages) -> None:
    """The package is as Debian's policy wants it."""
    process.need("lintian", "lintian")
    done = subprocess.run(["lintian", "--profile", "debian", "--fail-on", "error,warning", "--allow-root", "--info",
                           packages.deb(packages.versions[0])], capture_output=True, text=True, check=False)
    expect(done.returncode == 0, f"lintian finds something:\n{done.stdout}{done.stderr}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("story", choices=["lintian", "bare", "systemd"])
    parser.add_argument("--project", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    given = parser.parse_args()
    if os.geteuid() != 0:
        process.skip("only root can make a bare root")
    if subprocess.run(["git", "-C", given.project, "rev-parse", "HEAD"], capture_output=True, check=False).returncode != 0:
        process.skip("there is no commit to be packaged")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    packages = Packages(given.project)
    story = {"lintian": lintian, "bare": bare, "systemd": under_systemd}[given.story]
    common.main(functools.partial(story, packages))


if __name__ == "__main__":
    main()
