#!/usr/bin/env python3
"""The dashboard as people meet it: on a phone and on a wide screen, in light and dark, with a few backends and with 500; and what
it costs Weir to be looked at."""

import contextlib
import itertools
import time

from common import arguments, expect, main
from dashboard_house import House, load, table

from peers import process
from peers.browser import Browser

MANY = 500
PATIENCE = 60
LOOKED_AT_SECONDS = 12.0
MOST_SHARE = 0.03  # of a core
# WCAG 2.1, 1.4.3 and 1.4.11: of text, and of what has to be told apart without being text.
TEXT, MARK = 4.5, 3.0
COLOURS_OF_TEXT = [("--text", "--page"), ("--text", "--panel"), ("--quiet", "--panel"), ("--quiet", "--page"),
                   ("--accent-text", "--accent"), ("--text", "--bad-panel"), ("--text", "--good-panel"), ("--panel", "--bad")]
STATES = ["up", "slow", "drain", "maintenance", "ejected", "down"]
COLOURS_OF_MARKS = [("--border", "--panel"), ("--accent", "--panel"), *((f"--series-{i + 1}", "--panel") for i in range(8)),
                    *((f"--{state}", place) for state in STATES for place in ("--panel", "--page"))]


def many() -> str:
    entries = ", ".join(f'{{ address = "127.0.0.1:{2000 + i}", name = "n-{i + 1}", weight = {1 + i % 9} }}' for i in range(MANY))
    return f'[listeners.many]\nbind = "127.0.0.1:0"\npool = "many"\n[pools.many]\nbackends = [{entries}]\n'


def luminance(colour: str) -> float:
    """Of "#rrggbb", as WCAG 2.1 has it."""
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def check_contrast(browser: Browser) -> None:
    for scheme in ("light", "dark"):
        browser.prefer(scheme)
        process.wait_until(lambda: browser.run("return document.documentElement.dataset.theme") == scheme, scheme, PATIENCE)  # noqa: B023
        for (one, other), least in [*((pair, TEXT) for pair in COLOURS_OF_TEXT), *((pair, MARK) for pair in COLOURS_OF_MARKS)]:
            light, dark = sorted((luminance(browser.run(
                "return getComputedStyle(document.documentElement).getPropertyValue(arguments[0]).trim()", name))
                for name in (one, other)), reverse=True)
            ratio = (light + 0.05) / (dark + 0.05)
            expect(ratio >= least, f"{scheme}: {one} on {other} has a contrast of {ratio:.1f}, less than {least}")
    browser.prefer("light")
    opacities = browser.run("return [...document.querySelectorAll('#picture .edge')].map((one) => getComputedStyle(one).strokeOpacity)")
    expect(len(opacities) > 5 and set(opacities) == {"1"}, f"lines of the picture let through what is behind them: {opacities}")


def check_theme(browser: Browser) -> None:
    """What is chosen stays, whatever the system says, and over a new visit."""
    browser.run("const box = document.getElementById('theme'); box.value = 'dark'; box.dispatchEvent(new Event('change'))")
    browser.run("location.reload()")
    process.wait_until(lambda: browser.run("return document.documentElement.dataset.theme") == "dark", "dark to stay", PATIENCE)
    browser.run("const box = document.getElementById('theme'); box.value = 'auto'; box.dispatchEvent(new Event('change'))")
    process.wait_until(lambda: browser.run("return document.documentElement.dataset.theme") == "light", "the system's", PATIENCE)


def check_width(browser: Browser, width: int) -> None:
    """Nothing sticks out of the page; what is wider than it scrolls by itself."""
    browser.resize(width, 800)
    process.wait_until(lambda: browser.run("return document.querySelector('#picture svg').getAttribute('width') <= innerWidth"),
                       f"the picture to fit into {width}", PATIENCE)
    def over() -> list[str]:
        return browser.run("""
            return [...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1 &&
                !one.closest('.scroll') && !one.closest('svg') && !one.matches('.skip')).map((one) => one.outerHTML.slice(0, 80));""")

    with contextlib.suppress(process.Failure):  # what is drawn follows in a moment
        process.wait_until(lambda: not over(), "all to fit", 10)
    expect(browser.run("return document.documentElement.scrollWidth") <= width and not over(), f"at {width} px these stick out: {over()}")
    texts = browser.run("""
        return [...document.querySelectorAll('#picture g, #picture a')].filter((node) => node.querySelector('.node') !== null).flatMap(
            (node) => [...node.querySelectorAll('text')].filter((text) => text.getBoundingClientRect().right >
                node.querySelector('.node').getBoundingClientRect().right + 1).map((text) => text.textContent));""")
    expect(texts == [], f"at {width} px these texts of the picture stick out: {texts}")


def check_many(browser: Browser) -> None:
    """500 backends: pages, the box that finds, and the picture's squares that lead to a row."""
    process.wait_until(lambda: browser.text("#backends-table .pages"), "the pages of the table", PATIENCE)
    expect(len(table(browser, "#backends-table")) == 25, "a page is not what it should be")
    expect(f"of {MANY + 5}" in browser.text("#backends-table .pages"), browser.text("#backends-table .pages"))
    expect(browser.run("return document.querySelectorAll('#picture .cell').length") == MANY, "not every backend has its square")
    browser.find("#find").send_keys("n-499")
    process.wait_until(lambda: [one["Backend"].split(" (")[0] for one in table(browser, "#backends-table")] == ["n-499"], "one to be found",
                       PATIENCE)
    browser.run("const cells = document.querySelectorAll('#picture .cell'); cells[cells.length - 1].parentNode."
                "dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true}))")
    process.wait_until(lambda: browser.focused() == f"Drain many n-{MANY}", "the last one's row", PATIENCE)
    heads = browser.find_all("#backends-table th button")
    next(one for one in heads if one.text.startswith("Weight")).click()
    weights = [int(one["Weight"]) for one in table(browser, "#backends-table")]
    expect(weights == sorted(weights, reverse=True) and weights[0] == 9, f"sorted by weight: {weights}")


def readings(browser: Browser) -> list[float]:
    """When the page has begun to read the pools, in seconds."""
    return browser.run("return performance.getEntriesByType('resource').filter((one) => one.name.endsWith('/v1/pools'))."
                       "map((one) => one.startTime / 1000)")


def check_cost(browser: Browser, house: House, slow: bool) -> None:
    """The page asks no oftener than it should, so that 500 backends cost Weir less than a hundredth of a core; since time is a
    matter of the machine too, no more than three are asserted."""
    browser.run("performance.clearResourceTimings()")
    before, start = process.cpu_seconds(house.server.pid), time.monotonic()
    process.wait_until(lambda: time.monotonic() - start > LOOKED_AT_SECONDS, "time to pass", PATIENCE)
    share = (process.cpu_seconds(house.server.pid) - before) / (time.monotonic() - start)
    times = readings(browser)
    expect(len(times) >= 2, f"the page has read {len(times)} times in {LOOKED_AT_SECONDS} s")
    least = min(later - earlier for earlier, later in itertools.pairwise(times))
    print(f"looked at with {MANY + 5} backends: {len(times)} readings, {100 * share:.2f} % of a core, Weir's own work included")
    expect(slow or share < MOST_SHARE, f"to be looked at costs Weir {100 * share:.1f} % of a core")
    expect(least > 1.9, f"two readings were {least:.2f} s apart")
    browser.run("document.getElementById('pause').click(); performance.clearResourceTimings()")
    start = time.monotonic()
    process.wait_until(lambda: time.monotonic() - start > 3, "time to pass", PATIENCE)
    expect(len(readings(browser)) <= 1, f"a page that pauses has read {len(readings(browser))} times")  # one was under way
    browser.run("document.getElementById('pause').click()")


def test() -> None:
    options = arguments(__doc__).parse_args()
    with process.Workspace() as work, contextlib.ExitStack() as peers:
        few, lots = House(work, options.weir, peers), House(work, options.weir, peers, name="many", more=many())
        with Browser(work) as browser:
            browser.open(few.address)
            with load(few):
                process.wait_until(lambda: browser.text("#arrivals") not in ("0", "–"), "clients", PATIENCE)
                check_contrast(browser)
                check_theme(browser)
                for width in (360, 768, 1280, 1920):
                    check_width(browser, width)
            browser.open(lots.address)
            check_many(browser)
            check_cost(browser, lots, options.slow)
            for width in (360, 1280):
                check_width(browser, width)
            said = browser.complaints()
            expect(not said, f"the console says: {said}")


if __name__ == "__main__":
    main(test)
