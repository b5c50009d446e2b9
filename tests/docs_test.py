#!/usr/bin/env python3
"""Whether the pages for users say what the sources say: metrics that are named exist, every word that the log or a
metric can give as a reason is explained, every relative link leads to a file, and every source has a test that
src/ARCHITECTURE.md knows."""

import fnmatch
import pathlib
import re
import sys

METRIC = re.compile(r"\bweir_[a-z_]*[a-z]\b")
OF_HISTOGRAM = re.compile(r"_(bucket|sum|count)$")  # samples of one that is called without it
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
WORD_LISTS = {  # list of words: (the file it stands in, the page that explains them)
    "kCloseReasonWords": ("session/close_reason.h", "docs/log.md"),
    "kBackendStateWords": ("pool/backend.h", "docs/pools.md"),
    "kSessionStateWords": ("session/close_reason.h", "docs/log.md"),
    "kRefusalWords": ("admission/refusals.h", "docs/who-may-come-in.md"),
}


def words_of(source: str, name: str) -> list[str]:
    """The strings of a constant array of words."""
    body = re.search(name + r"\{(.*?)\}", source, re.DOTALL)
    if body is None:
        raise ValueError(f"there is no list {name}")
    return re.findall(r'"([a-z_]+)"', body.group(1))


def problems_of(page: str, text: str, folder: pathlib.Path, metrics: str) -> list[str]:
    """What is wrong with one page."""
    found = [f"{page}: no metric is called {name}" for name in sorted(set(METRIC.findall(text)))
             if f'"{name}"' not in metrics and f'"{OF_HISTOGRAM.sub("", name)}"' not in metrics
             and not name.startswith("weir_test")]
    found += [f"{page}: the link to {target} leads nowhere" for target in LINK.findall(text)
              if not (folder / target).exists()]
    return found


def without_a_test(sources: set[str], tested: set[str], page: str) -> list[str]:
    """Those of the sources, "room/name", that have no unit test and that the page does not name. A * stands for the
    rest of a name."""
    named = re.findall(r"`([a-z_]+/[a-z_0-9]+\*?)`", page)
    return [source for source in sorted(sources - tested) if not any(fnmatch.fnmatchcase(source, name) for name in named)]


def untested(root: pathlib.Path) -> list[str]:
    def names(folder: pathlib.Path, ending: str) -> set[str]:
        return {f"{path.parent.name}/{path.name.removesuffix(ending)}" for path in folder.glob(f"*/*{ending}")}

    page = (root / "src/ARCHITECTURE.md").read_text().partition("\n## Tests\n")[2].partition("\n## ")[0]
    return [f"src/{name}.cc: it has no unit test, and \"Tests\" in src/ARCHITECTURE.md does not say what tests it"
            for name in without_a_test(names(root / "src", ".cc"), names(root / "tests/unit", "_test.cc"), page)]


def check(root: pathlib.Path) -> list[str]:
    metrics = "".join(path.read_text() for path in sorted((root / "src/admin").glob("*views.cc")))
    found = []
    for page in [root / "README.md", *sorted((root / "docs").glob("*.md")), *sorted((root / "bench").rglob("*.md")),
                 *sorted((root / "docker").rglob("*.md")), *sorted((root / "src").glob("*.md")), *sorted((root / "conf").glob("*.md"))]:
        found += problems_of(str(page.relative_to(root)), page.read_text(), page.parent, metrics)
    for name, (source, page) in WORD_LISTS.items():
        text = (root / page).read_text()
        found += [f"{page}: {word} is not explained" for word in words_of((root / "src" / source).read_text(), name)
                  if f"`{word}`" not in text]
    return found + untested(root)


def check_itself() -> list[str]:
    """Whether mistakes would be found."""
    here = pathlib.Path(__file__).parent
    page = "see `weir_good_total`, `weir_good_total_sum` and weir_bad_total, [a](docs_test.py), [b](nowhere.md) and [c](https://a.example/)"
    expected = ["p: no metric is called weir_bad_total", "p: the link to nowhere.md leads nowhere"]
    found = problems_of("p", page, here, '"weir_good_total"')
    wrong = [] if found == expected else [f"found {found} and not {expected}"]
    if without_a_test({"a/b", "a/c", "a/d_e", "a/f"}, {"a/b"}, "`a/c`, `a/d*` and a/f") != ["a/f"]:
        wrong.append("a source without a test is not found")
    if words_of('kX{\n"one", "two_three"};', "kX") != ["one", "two_three"]:
        wrong.append("words are not read")
    return wrong


def main() -> int:
    found = check_itself() if sys.argv[1] == "--self" else check(pathlib.Path(sys.argv[1]))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
