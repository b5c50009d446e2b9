#!/usr/bin/env python3
"""Finds what should not be left in a source file: marks of unfinished work, tabs, spaces at a line's end.

usage: hygiene_test.py FOLDER ...    prints "file:line: what is wrong" and exits 1 when anything is
       hygiene_test.py --self        checks this checker
"""

import pathlib
import re
import sys
import unittest

SUFFIXES = {".h", ".cc", ".py", ".sh", ".toml", ".txt"}
# Written in pieces so that this file does not find itself.
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3]) + r")\b")


def problems_of_line(line):
    if UNFINISHED.search(line):
        yield "a mark of unfinished work: finish it, or write an issue"
    if "\t" in line:
        yield "a tab"
    if line != line.rstrip():
        yield "space at the end of the line"


def problems_of_folder(folder):
    # Corpora and expected outputs are bytes to keep as they are.
    paths = (p for p in folder.rglob("*") if p.suffix in SUFFIXES and p.is_file()
             and not {"corpus", "cases", "regress", "results"} & set(p.parts))
    for path in sorted(paths):
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            for problem in problems_of_line(line):
                yield f"{path}:{number}: {problem}"


class SelfTest(unittest.TestCase):
    def test_marks_of_unfinished_work_are_found(self):
        for mark in ("TO" + "DO", "FIX" + "ME", "X" * 3):
            self.assertTrue(list(problems_of_line(f"  // {mark}: later")), mark)

    def test_a_template_for_mkstemp_is_no_mark(self):
        self.assertEqual([], list(problems_of_line('char path[] = "/tmp/weir.' + "X" * 6 + '";')))

    def test_tabs_and_trailing_spaces_are_found(self):
        self.assertEqual(["a tab"], list(problems_of_line("\tint x;")))
        self.assertEqual(["space at the end of the line"], list(problems_of_line("int x; ")))


def main():
    if sys.argv[1:] == ["--self"]:
        unittest.main(argv=sys.argv[:1])
    folders = [pathlib.Path(name) for name in sys.argv[1:]]
    if not folders or not all(folder.is_dir() for folder in folders):
        sys.exit(__doc__)
    problems = [problem for folder in folders for problem in problems_of_folder(folder)]
    print("\n".join(problems) or "nothing is left lying about")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
