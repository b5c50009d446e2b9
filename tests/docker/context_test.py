#!/usr/bin/env python3
"""Whether docker/Dockerfile has all that it builds from: a copy of what .dockerignore lets through is configured as the
image's build does it, has each file that a compile reads by name, and each that the Dockerfile copies. No engine is
needed for that.

usage: context_test.py PROJECT    prints what is missing and exits 1 when anything is
       context_test.py --self     checks this checker
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest


def expression(pattern: str) -> re.Pattern:
    """Of one line of .dockerignore; what none of ours has is an error, so that nothing is understood wrongly."""
    if re.search(r"[\[\]\\?]|\*\*", pattern):
        raise ValueError(f"context_test.py does not know such patterns: {pattern}")
    return re.compile("[^/]*".join(re.escape(part) for part in pattern.strip("/").split("*")))


def rules_of(text: str) -> list[tuple[re.Pattern, bool]]:
    """Patterns in order, and whether each lets through."""
    lines = [line.strip() for line in text.splitlines()]
    return [(expression(line.removeprefix("!")), line.startswith("!")) for line in lines if line and not line.startswith("#")]


def is_let_through(path: str, rules: list[tuple[re.Pattern, bool]]) -> bool:
    """The last pattern that matches the path, or a folder that it lies in, says so."""
    folders = [str(folder) for folder in pathlib.PurePosixPath(path).parents if str(folder) != "."]
    through = True
    for pattern, lets in rules:
        if any(pattern.fullmatch(one) for one in [path, *folders]):
            through = lets
    return through


def copy_context(project: pathlib.Path, ignored: str, to: pathlib.Path) -> None:
    rules = rules_of(ignored)
    for top in project.iterdir():
        if top.name in {".git", "build"}:  # large, and nobody lets them through
            continue
        for path in [top] if top.is_file() else top.rglob("*"):
            name = str(path.relative_to(project))
            if path.is_file() and is_let_through(name, rules):
                (to / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, to / name)


def copied_by(dockerfile: str) -> list[str]:
    """What it copies from its context."""
    found: list[str] = []
    for words in re.findall(r"^COPY (?!--from)(.*)$", dockerfile, re.MULTILINE):
        found += words.split()[:-1]
    return found


def version_of(text: str, before: str) -> str:
    found = re.search(f"^{re.escape(before)}([0-9.]+)", text, re.MULTILINE)
    return found[1] if found else f"not after \"{before}\""


def missing_inputs(build: pathlib.Path) -> list[str]:
    """Files that a compile of weir reads by name, which are neither there nor made."""
    def ask(*words: str) -> list[str]:
        return subprocess.run(["ninja", "-C", build, "-t", *words], capture_output=True, text=True, check=True).stdout.splitlines()

    made = {line.rpartition(":")[0] for line in ask("targets", "all")}
    return [name for name in ask("inputs", "weir") if name not in made and not (build / name).exists()]


def problems_of(project: pathlib.Path, ignored: str) -> list[str]:
    dockerfile = (project / "docker/Dockerfile").read_text(encoding="utf-8")
    label = version_of(dockerfile, "ARG VERSION=")
    version = version_of((project / "CMakeLists.txt").read_text(encoding="utf-8"), "project(weir VERSION ")
    found = [] if label == version else [f"docker/Dockerfile says version {label}, CMakeLists.txt {version}"]
    with tempfile.TemporaryDirectory(prefix="weir-context-") as folder:
        context = pathlib.Path(folder)
        copy_context(project, ignored, context)
        found += [f".dockerignore does not let through {name}, which docker/Dockerfile copies" for name in copied_by(dockerfile)
                  if not (context / name).exists()]
        if not found:
            done = subprocess.run([context / "docker/build-weir.sh", "--configure"], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                found.append(f"what .dockerignore lets through cannot be configured:\n{done.stderr}")
            else:
                found += [f".dockerignore does not let through {name}, which a compile reads"
                          for name in missing_inputs(context / "build/release")]
    return found


class SelfTest(unittest.TestCase):
    def let_through(self, path: str) -> bool:
        return is_let_through(path, rules_of("# a comment\n*\n!src\nsrc/*.md\n!docker/weir.toml\n"))

    def test_the_last_pattern_that_matches_decides(self):
        self.assertTrue(self.let_through("src/net/socket.cc"))
        self.assertTrue(self.let_through("docker/weir.toml"))
        self.assertFalse(self.let_through("src/ARCHITECTURE.md"))
        self.assertFalse(self.let_through("docker/image.sh"))
        self.assertFalse(self.let_through("README.md"))

    def test_what_is_not_understood_is_an_error(self):
        self.assertRaises(ValueError, rules_of, "**/x\n")

    def test_what_is_copied_is_found(self):
        self.assertEqual(["a", "b/c"], copied_by("COPY --from=build /out/ /\nCOPY a b/c /etc/\n"))

    def test_what_is_missing_is_found(self):
        project = pathlib.Path(__file__).resolve().parents[2]
        ignored = (project / ".dockerignore").read_text(encoding="utf-8")
        self.assertIn("conf/weir.service", "".join(problems_of(project, ignored.replace("!conf\n", ""))))
        self.assertIn("openapi.json", "".join(problems_of(project, f"{ignored}src/admin/openapi.json\n")))
        self.assertIn("THIRD_PARTY.md", "".join(problems_of(project, ignored.replace("!THIRD_PARTY.md\n", ""))))


def main() -> int:
    if sys.argv[1:] == ["--self"]:
        unittest.main(argv=sys.argv[:1])
    project = pathlib.Path(sys.argv[1]).resolve()
    found = problems_of(project, (project / ".dockerignore").read_text(encoding="utf-8"))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
