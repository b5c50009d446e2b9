#!/usr/bin/env python3
"""The dashboard in a real browser: its numbers are the door's, a drained backend turns, changes ask for the token, and nothing
is loaded from anywhere else."""

import contextlib
import os
import re
import signal
import socket
from typing import Any

from common import arguments, expect, main
from dashboard_house import TOKEN, House, load, numbers, row, table

from peers import process
from peers.browser import Browser, Keys

BACKENDS, REASONS, REFUSALS, CLIENTS = "#backends-table", "#reasons-table", "#refusals-table", "#clients-table"
PATIENCE = 60
# The browser's own words for an answer of 401, which is how the door asks for the token, and for a door that is gone.
EXPECTED = re.compile(r"status of 401|ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE")


def expect_in_order(browser: Browser, house: House) -> None:
    """The console is silent, and every byte came from the door."""
    said = [line for line in browser.complaints() if not EXPECTED.search(line)]
    expect(not said, f"the console says: {said}")
    hosts = browser.asked_hosts()
    expect(hosts == {f"127.0.0.1:{house.admin}"}, f"the page has asked {hosts}")


def check_parts(browser: Browser) -> None:
    """What the page works out by itself, against examples that were worked out by hand."""
    found, error = browser.run_module("""
        const {quantile, History, keyOf} = await import('./dashboard/history.js');
        const {edgesOf, flowsOf} = await import('./dashboard/flow.js');
        const {periodOf} = await import('./dashboard/period.js');
        const format = await import('./dashboard/format.js');
        const rates = (edges) => edges.map((edge) => `${edge.listener}>${edge.pool}=${edge.rate}`);
        const listener = (name, pools, accepted) => ({name, pools, sessions_open: 1, accepted_total: accepted, upload_bytes_total: 0,
                                                      download_bytes_total: 0, refused_total: {denied: accepted}});
        const pool = (name, fallback, fallbacks, sessions, counts) => ({
            name, fallback_pool: fallback, fallbacks_total: fallbacks, connect_times: {bounds_us: [100, 200], counts},
            backends: [{name: 'b', in_flight: 0, sessions_total: sessions, upload_bytes_total: 0, download_bytes_total: 0,
                        connect_failures_total: 0}]});
        const reading = (at, pid, listeners, pools) => ({asked: at, at, period: 2000, process: {pid, started: 's', connections: 1}, listeners, pools});
        const one = (at, pid, accepted) => reading(at, pid, [listener('a', [], accepted)], []);

        const history = new History();
        const arrivals = [[0, 1, 10], [2000, 1, 30], [4000, 2, 5], [6000, 2, 3], [8000, 2, 13], [68000, 2, 73]].map(
            (each) => history.take(one(...each)).arrivals);
        const points = history.points.map((point) => point.connections);
        for (let i = 0; i < 100; ++i) history.miss(70000 + 2000 * i);
        const missed = history.points.length - points.length;
        history.take(one(4000000, 2, 80));

        // A door that takes six seconds for each reading, which begins two seconds after the last one.
        const slow = new History();
        for (let i = 1; i < 5; ++i) slow.take({...one(8000 * i, 1, 10 * i), asked: 8000 * i - 6000});

        // It has left, with sessions still, and another one is called so by now.
        const [gone, here] = [{name: 'b', address: '192.0.2.1:80', left: true}, {name: 'b', address: '192.0.2.2:80', left: false}];

        const before = reading(0, 1, [listener('a', ['x'], 0), listener('b', ['y'], 0)],
                               [pool('x', 'y', 0, 0, [1, 1, 1]), pool('y', null, 0, 0, [50, 0, 0])]);
        const after = reading(2000, 1, [listener('a', ['x'], 20), listener('b', ['y'], 6)],
                              [pool('x', 'y', 14, 6, [1, 1, 5]), pool('y', null, 0, 20, [2, 0, 0])]);
        const other = new History();
        other.take(before);
        const now = other.take(after);
        const flows = flowsOf(after, 'arrivals', now.rate);
        const bytes = flowsOf(after, 'bytes', now.rate);
        return {
          quantiles: [quantile([100, 200], [0, 0, 0], 0.5), quantile([100, 200], [2, 2, 0], 0.5), quantile([100, 200], [0, 4, 0], 0.75),
                      quantile([100, 200], [1, 0, 9], 0.99)],
          shared: rates(edgesOf([{name: 'a', pools: ['x'], rate: 4}, {name: 'b', pools: ['x', 'y'], rate: 7}],
                                [{name: 'x', rate: 6}, {name: 'y', rate: 5}])),
          circle: rates(edgesOf([{name: 'a', pools: ['x', 'y'], rate: 4}, {name: 'b', pools: ['x', 'y'], rate: 4}],
                                [{name: 'x', rate: 4}, {name: 'y', rate: 4}])),
          handed: [...rates(flows.edges), ...flows.fallbacks.map((one) => `${one.from}>${one.to}=${one.rate}`), flows.ofPool(after.pools[1])],
          bytes: bytes.fallbacks[0].rate,
          times: [now.p50, now.p99],
          arrivals, points, missed, kept: history.points.length,
          slow: slow.points.map((point) => point.arrivals),
          keys: [keyOf('p', here), keyOf('p', gone) === keyOf('p', here)],
          moments: [format.moment('2026-03-01T12:00:00', new Date('2026-03-01T23:00:00')),
                    format.moment('2026-03-01T12:00:00', new Date('2026-03-02T23:00:00'))],
          periods: [periodOf(after), periodOf({listeners: [], pools: [{backends: Array(5000)}]}),
                    periodOf({listeners: Array(500), pools: []})],
          texts: [format.number(1234), format.number(0), format.number(null), format.bytes(1536), format.micros(58.6), format.micros(2500),
                  format.count(1234567), format.seconds(93784), format.percent(0.333)],
        };""")
    expect(error is None, f"the page's modules: {error}")
    for name, wanted in {
            "quantiles": [None, 100, 175, 200],
            "shared": ["a>x=4", "b>x=2", "b>y=5"],
            "circle": ["a>x=null", "a>y=null", "b>x=null", "b>y=null"],
            # Of the 10 a second at y 7 come from x, which could not take them.
            "handed": ["a>x=10", "b>y=3", "x>y=7", 10],
            "bytes": None,
            # Pool y has begun anew, so only x counts: four, all beyond the last bound.
            "times": [200, 200],
            "arrivals": [None, 10, None, None, 5, 1],
            # A reading that comes a minute late is not joined to the one before.
            "points": [1, 1, 1, 1, 1, None, 1],
            "missed": 1,
            "kept": 1,  # of an hour
            "slow": [None, 1.25, 1.25, 1.25],
            "keys": ['["p","b"]', False],
            "moments": ["12:00:00", "01/03/2026 12:00:00"],
            "periods": [2000, 10000, 4000]}.items():
        expect(found[name] == wanted, f"{name}: {found[name]}, where it should be {wanted}")
    expect([text.replace("\u00a0", " ").replace("\u202f", " ") for text in found["texts"]]
           == ["1.23k", "0", "–", "1.5 KiB", "58.6 µs", "2.5 ms", "1 234 567", "1 d 2 h", "33.3 %"], f"texts: {found['texts']}")


def areas(browser: Browser, chart: str) -> dict[str, float]:
    """What lies below each line of a chart of rates: how many there were in all."""
    return browser.run("""
        return Object.fromEntries(Chart.getChart('chart-' + arguments[0]).data.datasets.map(({label, data}) => [
            label, data.reduce((sum, point, i) => i === 0 ? 0 : sum + (point.y ?? 0) * (point.x - data[i - 1].x) / 1000, 0)]));""", chart)


def check_areas(browser: Browser, house: House) -> None:
    """Bytes and refusals add up to the counters, which began at nothing as the page did."""
    listeners = house.ask("/v1/listeners")["listeners"]
    there = {label: sum(one[field] for one in listeners) for label, field in [
        ("client to backend", "upload_bytes_total"), ("backend to client", "download_bytes_total")]}
    expect(min(there.values()) > 50, f"hardly a byte has been moved: {there}")
    refused = {reason: sum(one["refused_total"][reason] for one in listeners) for reason in listeners[0]["refused_total"]}
    refused = {reason: count for reason, count in refused.items() if count > 0}
    expect(refused == {"denied": 4}, f"refused: {refused}")
    for chart, wanted in [("bytes", there), ("refusals", refused)]:
        def is_equal(chart: str = chart, wanted: dict[str, int] = wanted) -> bool:
            drawn = areas(browser, chart)
            return drawn.keys() == wanted.keys() and all(abs(drawn[line] - wanted[line]) < 0.01 for line in wanted)

        process.wait_until(is_equal, f"the chart of {chart} to add up to {wanted}; it has {areas(browser, chart)}", PATIENCE)


def edges(browser: Browser, house: House) -> dict[str, dict[str, Any]]:
    """The lines of the picture: from listeners to pools, and from pools to backends by the backends' names."""
    names = [f"{one['name']} to {pool}" for one in house.ask("/v1/listeners")["listeners"] for pool in one["pools"]]
    names += [one["name"] for pool in house.ask("/v1/pools")["pools"] for one in pool["backends"]]
    drawn = browser.run("return [...document.querySelectorAll('#picture .edge')].map((one) => "
                        "({width: Number(one.getAttribute('stroke-width')), look: one.getAttribute('class').split(' ')}))")
    expect(len(drawn) == len(names), f"{len(drawn)} lines are drawn, of {names}")
    return dict(zip(names, drawn, strict=True))


def check_picture(browser: Browser, house: House) -> None:
    """A line is as wide as what goes there: between 1 for nothing and 16 for the most that goes anywhere."""
    browser.run("const box = document.getElementById('measure'); box.value = 'open'; box.dispatchEvent(new Event('change'))")
    with contextlib.ExitStack() as stack:
        def hold(listener: str, times: int) -> list[socket.socket]:
            held = [stack.enter_context(house.connect(listener)) for _ in range(times)]
            for one in held:
                one.sendall(b"?")
                expect(len(one.recv(65536)) > 0, f"{listener} does not answer")
            return held

        def expect_widths(open_at: dict[str, int], most: int) -> None:
            wanted = {name: round(1 + 15 * count / most, 2) for name, count in open_at.items()}

            def widths() -> dict[str, float]:
                return {name: one["width"] for name, one in edges(browser, house).items()}

            with contextlib.suppress(process.Failure):  # what differs says more
                process.wait_until(lambda: widths() == wanted, "lines to become as wide as they should be", PATIENCE)
            expect(widths() == wanted, f"widths are {widths()}, where they should be {wanted}")

        hold("web", 3)
        mail = hold("mail", 7)
        at_web = {"web to web": 3, "api to web": 0, "web-1": 1, "web-2": 1, "web-3": 1, "gone": 0}
        expect_widths({**at_web, "mail to mail": 7, "mail-1": 7}, 7)
        for one in mail[1:]:
            one.close()
        expect_widths({**at_web, "mail to mail": 1, "mail-1": 1}, 3)
    browser.run("const box = document.getElementById('measure'); box.value = 'arrivals'; box.dispatchEvent(new Event('change'))")
    looks = {name: one["look"] for name, one in edges(browser, house).items()}
    expect("state-down" in looks["gone"] and "state-up" in looks["web-2"], f"lines are {looks}")


def connects(house: House) -> tuple[list[int], list[int]]:
    """The bounds of the pools' histograms of connect times, in microseconds, and what all pools have in them."""
    times = [one["connect_times"] for one in house.ask("/v1/pools")["pools"]]
    return times[0]["bounds_us"], [sum(counts) for counts in zip(*(one["counts"] for one in times), strict=True)]


def check_connect_time(browser: Browser, house: House) -> None:
    """The tile of connect times lies in the bucket in which half of the connects are passed."""
    browser.open(house.address)  # whose readings begin anew
    process.wait_until(lambda: browser.text("#arrivals") == "0", "two readings", PATIENCE)
    expect(browser.text("#connect") == "–", f"without a connect: {browser.text('#connect')}")
    bounds, before = connects(house)
    house.visit("web", 40)
    process.wait_until(lambda: browser.text("#connect") != "–" and browser.text("#arrivals") == "0", "a reading after the last client",
                       PATIENCE)
    shown = browser.text("#connect")
    came = [now - then for now, then in zip(connects(house)[1], before, strict=True)]
    expect(sum(came) == 40, f"{came} connects, of 40 clients")
    bucket = next(i for i in range(len(came)) if 2 * sum(came[:i + 1]) >= sum(came))
    lower, upper = 0 if bucket == 0 else bounds[bucket - 1], bounds[min(bucket, len(bounds) - 1)]
    value, unit = re.fullmatch(r"([\d.]+)\s(µs|ms|s)", shown).groups()
    micros = float(value) * {"µs": 1, "ms": 1e3, "s": 1e6}[unit]
    expect(0.99 * lower <= micros <= 1.01 * upper, f"the tile says {shown}; half of {came} lie between {lower} and {upper} µs")


def check_numbers(browser: Browser, house: House) -> None:
    """Once all is quiet, what stands on the page is what the door says by JSON; and rates add up to what has come."""
    process.wait_until(lambda: browser.text("#arrivals") == "0", "a rate of nothing at first", PATIENCE)
    start = sum(one["accepted_total"] for one in house.ask("/v1/listeners")["listeners"])
    kept = [house.connect("mail", "127.0.0.5") for _ in range(7)]
    for one in kept:
        one.sendall(b"?")
        expect(len(one.recv(65536)) > 0, "mail does not answer")
    house.visit("web", 30)
    house.visit("api", 21, "127.0.0.2")
    house.visit("web", 4, "127.0.0.9")  # denied
    listeners = house.ask("/v1/listeners")["listeners"]
    process.wait_until(lambda: browser.text("#arrivals") == "0" and numbers(browser.text("#connections")) == [7],
                       "the page to show seven connections and nothing new", PATIENCE)
    for pool in house.ask("/v1/pools")["pools"]:
        for one in pool["backends"]:
            shown = row(browser, BACKENDS, "Backend", one["name"])
            expect(shown["State"] == one["state"], f"{one['name']}: {shown}, {one}")
            for title, field in [("Sessions", "sessions_total"), ("Open", "in_flight"), ("Weight", "weight"),
                                 ("Failed connects", "connect_failures_total")]:
                # The door may have counted on in between where something still happens: the checks' backend that is gone.
                expect(numbers(shown[title]) == [one[field]], f"{one['name']}: {title} is {shown[title]}, {field} is {one[field]}")
    expect(row(browser, REASONS, "Reason", "denied")["In all"] == "4", f"refused: {table(browser, REASONS)}")
    samples = [(one["client"], one["listener"], one["reason"]) for one in house.ask("/v1/refusals")["refusals"]]
    expect(samples and [(one["Client"], one["Listener"], one["Reason"]) for one in table(browser, REFUSALS)] == samples,
           f"samples: {table(browser, REFUSALS)}, where the door has {samples}")
    accepted = sum(one["accepted_total"] for one in listeners) - start
    expect(accepted == 58, f"{accepted} were accepted, where 7 + 30 + 21 should have been")
    summed = areas(browser, "arrivals")["accepted"]
    expect(abs(summed - accepted - start) < 0.01, f"the chart has {summed} new connections; there were {accepted + start}")
    check_areas(browser, house)
    browser.run("document.getElementById('clients').scrollIntoView()")
    process.wait_until(lambda: row(browser, CLIENTS, "Client", "127.0.0.5").get("Sessions") == "7", "the busiest client", PATIENCE)
    client = house.ask("/v1/clients")["clients"][0]
    expect(client["upload_bytes"] == 7 and row(browser, CLIENTS, "Client", "127.0.0.5")["Sent"].replace("\u00a0", " ") == "7 B",
           f"{client}, {table(browser, CLIENTS)}")
    for one in kept:
        one.close()


def answer_token(browser: Browser, token: str) -> None:
    process.wait_until(lambda: browser.text("#ask-token-title") == "Token", "the question for the token", PATIENCE)
    browser.find("#ask-token-value").send_keys(token, Keys.ENTER)


def press_on(browser: Browser, name: str) -> None:
    browser.run("[...document.querySelectorAll('#backends-table button')].find("
                "(one) => one.getAttribute('aria-label') === arguments[0]).click()", name)


def check_drain(browser: Browser, house: House) -> None:
    """Drained by the button, after a yes and with the token; then up again, without either."""
    with load(house):
        press_on(browser, "Drain web web-2")
        process.wait_until(lambda: browser.text("#ask-title") == "Drain web web-2?", "the question", PATIENCE)
        expect("other 2" in browser.text("#ask-text"), f"who is left: {browser.text('#ask-text')}")
        browser.press(Keys.ESCAPE)
        expect(house.backend("web", "web-2")["state"] == "up", "it was drained without a yes")
        press_on(browser, "Drain web web-2")
        browser.find("#ask-yes").click()
        answer_token(browser, "not-the-token-at-all")
        process.wait_until(lambda: "not the token" in browser.text("#ask-token-why"), "another question", PATIENCE)
        expect(house.backend("web", "web-2")["state"] == "up", "it was drained with another token")
        answer_token(browser, TOKEN)
        process.wait_until(lambda: row(browser, BACKENDS, "Backend", "web-2").get("State") == "drain", "it to be drained", PATIENCE)
        expect(house.backend("web", "web-2")["state"] == "drain", "it is only drained on the page")
        process.wait_until(lambda: row(browser, BACKENDS, "Backend", "web-2")["New/s"] == "0"
                           and row(browser, BACKENDS, "Backend", "web-1")["New/s"] not in ("0", "–"), "clients to go elsewhere", PATIENCE)
        expect(browser.run("return document.querySelectorAll('#picture .bar.state-drain').length") == 1, "the picture does not show it")
        drained = [name for name, one in edges(browser, house).items() if "state-drain" in one["look"]]
        expect(drained == ["web-2"], f"lines that look drained lead to {drained}")
        press_on(browser, "Up web web-2")
        process.wait_until(lambda: row(browser, BACKENDS, "Backend", "web-2").get("State", "").startswith("up"), "it to be up", PATIENCE)
        process.wait_until(lambda: row(browser, BACKENDS, "Backend", "web-2")["New/s"] not in ("0", "–"), "clients to come again", PATIENCE)
        expect("state-up" in edges(browser, house)["web-2"]["look"], "the line to it looks drained still")
    press_on(browser, "Drain mail mail-1")
    process.wait_until(lambda: "No other backend" in browser.text("#ask-text"), "a warning at the last one", PATIENCE)
    browser.press(Keys.ESCAPE)


def check_keyboard(browser: Browser) -> None:
    """From the top of the page to a backend and its question, and back to the same button."""
    browser.run("scrollTo(0, 0); document.activeElement.blur()")
    browser.press(Keys.TAB)
    expect(browser.focused() == "To the backends", f"the first is {browser.focused()}")
    browser.press(Keys.ENTER)
    for _ in range(40):
        browser.press(Keys.TAB)
        if browser.focused() == "Drain web web-1":
            break
    expect(browser.focused() == "Drain web web-1", f"no way to the button: {browser.focused()}")
    browser.press(Keys.ENTER)
    process.wait_until(lambda: browser.text("#ask-title") == "Drain web web-1?", "the question", PATIENCE)
    browser.press(Keys.ESCAPE)
    process.wait_until(lambda: browser.focused() == "Drain web web-1", "the keyboard to be where it was", PATIENCE)
    browser.run("document.querySelector('#picture a').focus()")
    browser.press(Keys.ENTER)
    process.wait_until(lambda: browser.focused() == "Drain web web-1", "the picture to lead to the table", PATIENCE)


def check_live_order(browser: Browser, house: House) -> None:
    """Sorted by what changes all the time, a row keeps its place and the keyboard while somebody is in it."""
    with load(house):
        next(one for one in browser.find_all("#backends-table th button") if one.text.startswith("Sessions")).click()
        browser.run("document.querySelector('#backends-table td button').focus()")
        name = browser.focused()
        rows = lambda: [one["Backend"] for one in table(browser, BACKENDS)]  # noqa: E731
        before, reading = rows(), len(points(browser))
        house.visit("api", 60)
        process.wait_until(lambda: len(points(browser)) >= reading + 3, "three readings", PATIENCE)
        expect(browser.focused() == name and rows() == before, f"{name} had the keyboard; {browser.focused()} has it: {rows()}")


def points(browser: Browser) -> list[dict[str, float]]:
    return browser.run("return Chart.getChart('chart-arrivals').data.datasets[0].data.map((point) => ({x: point.x, y: point.y}))")


def check_pause(browser: Browser) -> None:
    """A page that pauses shows what has come of a change, and nothing else; a line that was hidden stays so."""
    browser.find("#pause").click()
    press_on(browser, "Drain web web-3")
    browser.find("#ask-yes").click()
    process.wait_until(lambda: row(browser, BACKENDS, "Backend", "web-3").get("State") == "drain", "it to be drained", PATIENCE)
    press_on(browser, "Up web web-3")
    process.wait_until(lambda: row(browser, BACKENDS, "Backend", "web-3").get("State") == "up", "it to be up", PATIENCE)
    browser.run("Chart.getChart('chart-connect').hide(1)")
    browser.find("#pause").click()
    before = len(points(browser))
    process.wait_until(lambda: len(points(browser)) >= before + 2, "readings", PATIENCE)
    expect(not browser.run("return Chart.getChart('chart-connect').isDatasetVisible(1)"), "what was hidden is shown again")


def check_upgrade(browser: Browser, house: House) -> None:
    """Another process serves, the one before keeps a session: the page goes over to the new one, and so do changes."""
    with house.connect("mail") as kept:
        kept.sendall(b"?")
        expect(len(kept.recv(65536)) > 0, "mail does not answer")
        house.server.send_signal(signal.SIGUSR2)
        process.wait_until(lambda: house.ask("/v1/process")["pid"] != house.server.pid, "another process", PATIENCE)
        serving = house.ask("/v1/process")["pid"]
        process.wait_until(lambda: f"process {serving}," in browser.text("#process"), "the page to show it", PATIENCE)
        press_on(browser, "Drain web web-1")
        browser.find("#ask-yes").click()
        process.wait_until(lambda: house.backend("web", "web-1")["state"] == "drain", "the one that serves to drain it", PATIENCE)
        expect(house.server.poll() is None, "the process from before did not keep its session")
    os.kill(serving, signal.SIGKILL)
    process.wait_until(lambda: "does not answer" in browser.text("#notices"), "the page to say that the door is silent", PATIENCE)


def check_silence(browser: Browser, house: House) -> None:
    """Weir is gone, and the page says that what it shows is old. Another one comes: it goes on by itself."""
    expect(browser.run("return document.body.classList.contains('is-stale')"), "what is old looks as if it was not")
    house.server = house.start()
    process.wait_until(lambda: "does not answer" not in browser.text("#notices"), "the page to go on", PATIENCE)
    process.wait_until(lambda: f"process {house.server.pid}," in browser.text("#process"), "the new process", PATIENCE)
    expect(None in [point["y"] for point in points(browser)], "the chart has no gap for the time without a door")


def check_far(work: process.Workspace, binary: str, peers: contextlib.ExitStack, browser: Browser) -> None:
    """At a door that other machines reach, the page comes without the token and shows nothing without it."""
    far = House(work, binary, peers, name="far", door="0.0.0.0:0")
    browser.open(far.address)
    process.wait_until(lambda: "takes its token" in browser.text("#ask-token-why"), "the question for the token", PATIENCE)
    expect(browser.text("#connections") == "–" and table(browser, BACKENDS) == [], "something is shown without the token")
    answer_token(browser, TOKEN)
    process.wait_until(lambda: len(table(browser, BACKENDS)) == 5, "the backends", PATIENCE)
    expect_in_order(browser, far)


def test() -> None:
    parser = arguments(__doc__)
    options = parser.parse_args()
    with process.Workspace() as work, contextlib.ExitStack() as peers:
        house = House(work, options.weir, peers)
        with Browser(work) as browser:
            browser.open(house.address)
            check_parts(browser)
            check_numbers(browser, house)
            check_picture(browser, house)
            check_connect_time(browser, house)
            check_drain(browser, house)
            check_keyboard(browser)
            check_live_order(browser, house)
            check_pause(browser)
            expect_in_order(browser, house)
            check_upgrade(browser, house)
            check_silence(browser, house)
            expect_in_order(browser, house)
            check_far(work, options.weir, peers, browser)


if __name__ == "__main__":
    main(test)
