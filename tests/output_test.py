#!/usr/bin/env python3
"""Runs a command that must succeed, and say something on the way.

usage: output_test.py PATTERN COMMAND [ARGUMENT ...]
  Passes its output on. Exits 1 when it failed, or when PATTERN, a regular expression over its lines, is not in its output.
"""

import re
import subprocess
import sys


def main() -> int:
    if len(sys.argv) < 3:
        print(__doc__)
        return 2
    done = subprocess.run(sys.argv[2:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(done.stdout, end="")
    if done.returncode != 0:
        print(f"exit status {done.returncode}")
        return 1
    if not re.search(sys.argv[1], done.stdout, re.DOTALL):
        print(f"nothing here is as expected: {sys.argv[1]}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
