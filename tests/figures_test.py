#!/usr/bin/env python3
"""What bench makes of samples, against figures that were worked out by hand.

usage: figures_test.py BENCH [Class ...]
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BENCH = pathlib.Path(sys.argv.pop(1)).resolve()
sys.path.insert(0, str(BENCH))

import compare  # noqa: E402
import figures  # noqa: E402
import fresh  # noqa: E402
import kinds  # noqa: E402
import measure  # noqa: E402
import plot  # noqa: E402
import scenarios  # noqa: E402
import summary  # noqa: E402
import tables  # noqa: E402


def sample(target: str, number: int, **given: object) -> measure.Sample:
    """With what is `given`; the rest says nothing of note."""
    fields = {"requests": 100, "bytes": 1_000, "seconds": 1.0, "rate": 100.0, "cpu_seconds": 0.0, "cost": None, "busy": None,
              "load_busy": 0.5, "p50_us": 1.0, "p99_us": 1.0, "p999_us": 1.0, "max_us": 1.0, "load_average": 0.0, "kernel": {},
              "errors": {}}
    return measure.Sample(target, number, **{**fields, **given})


def column(field: str, figures_of: dict[str, list[float]], **more: object) -> list[measure.Sample]:
    """A field of each target, round by round."""
    return [sample(target, number, **{field: value}, **more)
            for target, values in figures_of.items() for number, value in enumerate(values, 1)]


def result_of(rates: dict[str, list[float]], load: str = "request_load", **more: object) -> dict[str, object]:
    samples = [{"target": target, "round": number, "errors": {}, "rate": rate}
               for target, values in rates.items() for number, rate in enumerate(values, 1)]
    return {"machine": {"cpu": "c", "kernel": "6.1", "cores": 2}, "rounds": 5, "workers": 1, "network": "loopback",
            "pinned": True, "load": load, "scenarios": {"keepalive": {"medians": dict.fromkeys(rates, {}), "samples": samples}},
            **more}


class Ratios(unittest.TestCase):
    def summarised(self, samples: list[measure.Sample], name: str = "keepalive") -> dict[str, dict[str, object]]:
        return summary.summarise(scenarios.ALL[name], samples, list(dict.fromkeys(one.target for one in samples)))

    def test_a_ratio_is_the_median_of_the_rounds_and_not_that_of_the_medians(self):
        # The machine is twice as fast in round 2 and in round 3: 0.5, 0.6, 0.4. The medians' ratio would be 80/200 = 0.4.
        made = self.summarised(column("rate", {"direct": [100, 200, 200], "weir": [50, 120, 80]}))
        self.assertEqual({"median": 0.5, "min": 0.4, "max": 0.6}, made["weir"]["rate_to_direct"])

    def test_the_peer_is_the_one_with_the_best_median(self):
        # nginx has the best round (90) but HAProxy the better median (60 to 50): 66/60, 30/50, 90/75.
        made = self.summarised(column("rate", {"nginx": [50, 50, 90], "haproxy": [60, 50, 75], "weir": [66, 30, 90]}))
        self.assertEqual("haproxy", made["weir"]["rate_peer"])
        self.assertEqual((1.1, 0.6, 1.2), tuple(made["weir"]["rate_to_peer"][key] for key in ("median", "min", "max")))

    def test_of_costs_the_least_is_the_best(self):
        # Medians 20 and 25; 15/20, 16/20, 30/24.
        made = self.summarised(column("cost", {"nginx": [20, 20, 24], "haproxy": [25, 25, 10], "weir": [15, 16, 30]}))
        self.assertEqual("nginx", made["weir"]["cost_peer"])
        self.assertEqual((0.8, 0.75, 1.25), tuple(made["weir"]["cost_to_peer"][key] for key in ("median", "min", "max")))

    def test_a_run_in_which_a_proxy_was_not_the_busy_part_counts_like_any_other(self):
        # 60/50, 100/50, 90/60: the best one is no less Weir's for having left time.
        samples = column("rate", {"nginx": [50, 50, 60]}, busy=1.0)
        samples += [sample("weir", number, rate=rate, busy=busy)
                    for number, rate, busy in ((1, 60.0, 0.95), (2, 100.0, 0.94), (3, 90.0, 1.0))]
        made = self.summarised(samples)["weir"]
        self.assertEqual({"median": 1.5, "min": 1.2, "max": 2.0}, made["rate_to_peer"])
        self.assertEqual((3, 0, 1, True), tuple(made[key] for key in ("valid_runs", "invalid_runs", "below_busy", "is_the_limit")))

    def test_who_was_not_the_busy_part_in_the_median_is_not_the_limit(self):
        self.assertFalse(self.summarised(column("busy", {"weir": [1.0, 0.94, 0.94]}))["weir"]["is_the_limit"])

    def test_who_is_no_peer_is_not_compared_with(self):
        made = self.summarised(column("rate", {"floor": [900], "nginx": [50], "weir": [100]}))
        self.assertEqual(("nginx", 2.0), (made["weir"]["rate_peer"], made["weir"]["rate_to_peer"]["median"]))

    def test_a_run_with_errors_takes_its_round_out_of_the_ratio(self):
        samples = column("rate", {"direct": [100, 100], "weir": [50, 80]})
        samples.append(sample("direct", 3, rate=100.0))
        samples.append(sample("weir", 3, rate=1.0, errors={"timeout": 1}))
        made = self.summarised(samples)["weir"]
        self.assertEqual((0.65, 2, 1), (made["rate_to_direct"]["median"], made["valid_runs"], made["invalid_runs"]))
        self.assertEqual("2 (1 invalid)", figures.show_runs(made))

    def test_added_latency_is_that_over_no_proxy(self):
        # (20-10)/(30-10) = 0.5, (50-10)/(30-10) = 2, (19-10)/(22-10) = 0.75; in round 4 Weir added nothing: left out.
        samples = column("p99_us", {"direct": [10, 10, 10, 10], "nginx": [30, 30, 22, 30], "weir": [20, 50, 19, 9]})
        self.assertEqual({"median": 0.75, "min": 0.5, "max": 2.0}, figures.added(samples, "weir", "nginx", "p99_us", "direct"))

    def test_cost_rate_and_busy_of_requests(self):
        # 4 000 requests in 2 s; 1 s of processor time: 250 us each, half of one worker, a quarter of two.
        run = sample("weir", 1, requests=4_000, seconds=2.0)
        self.assertEqual((2_000, 250, 0.5), measure.derive(scenarios.ALL["keepalive"], run, 1.0, 1))
        self.assertEqual((2_000, 250, 0.25), measure.derive(scenarios.ALL["keepalive"], run, 1.0, 2))
        self.assertEqual((2_000, None, None), measure.derive(scenarios.ALL["keepalive"], run, 0.0, 0))

    def test_cost_and_rate_of_bytes(self):
        # 6 GB in 2 s; 1.5 s of processor time: 3 GB/s, 0.25 s for each, 75 % busy.
        run = sample("weir", 1, bytes=6_000_000_000, seconds=2.0)
        self.assertEqual((3.0, 0.25, 0.75), measure.derive(scenarios.ALL["bulk"], run, 1.5, 1))


class Notes(unittest.TestCase):
    def notes(self, name: str, samples: list[measure.Sample]) -> list[str]:
        targets = list(dict.fromkeys(one.target for one in samples))
        return summary.notes(summary.summarise(scenarios.ALL[name], samples, targets), scenarios.ALL[name])

    BUSY = {"direct": [None] * 3, "floor": [0.94, 0.93, 0.5], "nginx": [0.95, 0.95, 0.95], "weir": [0.99, 0.2, 0.1]}

    def test_runs_in_which_a_proxy_was_not_the_busy_part_are_told(self):
        self.assertEqual(["Runs in which the proxy was not the busy part (below 95 % of its cores), so that the rate is a lower "
                          "bound: floor 3 of 3, weir 2 of 3."], self.notes("keepalive", column("busy", self.BUSY)))

    def test_one_connection_and_a_fixed_rate_fill_nobody(self):
        self.assertEqual([], self.notes("keepalive-1", column("busy", self.BUSY)))
        self.assertEqual([], self.notes("latency", column("busy", self.BUSY)))

    def test_a_load_that_was_full_is_named(self):
        # In the median: direct's is the load by itself, and weir's was full in one run only.
        busy = {"direct": [1.0] * 3, "nginx": [0.95, 0.96, 0.2], "weir": [1.0, 0.94, 0.2]}
        self.assertEqual(["The load generator itself was busy 95 % of the time or more, and may be what the rate ends at, with: nginx."],
                         self.notes("keepalive", column("load_busy", busy, busy=1.0)))

    def test_at_a_fixed_rate_its_queue_begins_earlier(self):
        busy = {"direct": [0.5], "nginx": [0.8], "weir": [0.79]}
        self.assertEqual(["The load generator was busy 80 % of the time or more, and its own queue is in the latency, with: nginx."],
                         self.notes("latency", column("load_busy", busy)))

    def test_kernel_counters_that_rose_are_told(self):
        rises = {"nginx": [{"ListenOverflows": 3}, {"ListenOverflows": 12_345}, {"ListenOverflows": 20_000}],
                 "weir": [{}, {"TCPSynRetrans": 2}, {}]}
        samples = [sample(target, number, kernel=one) for target, many in rises.items() for number, one in enumerate(many, 1)]
        self.assertEqual(["Kernel counters that rose, in a run: ListenOverflows: nginx 12 345; TCPSynRetrans: weir up to 2."],
                         self.notes("connections", samples))

    def test_samples_of_processes_of_their_own_have_them_too(self):
        samples = [fresh.Sample("weir", number, {}, busy=busy, kernel={"TCPSynRetrans": 4})
                   for number, busy in enumerate([0.9, 0.99], 1)]
        made = {"weir": fresh.summarise(samples, ["weir"])["weir"] | summary.troubles(samples, "weir")}
        self.assertEqual(2, len(summary.notes(made)))
        self.assertIn("weir 1 of 2", summary.notes(made)[0])


class Compared(unittest.TestCase):
    NOW = {"direct": [100] * 5, "weir": [50, 51, 52, 53, 54]}

    def verdicts(self, before: dict[str, list[float]], after: dict[str, list[float]], *names: str) -> list[str]:
        return [row[-1] for row in compare.compare(result_of(before), result_of(after), list(names))]

    def test_every_run_above_every_other_is_better_and_the_other_way_round_worse(self):
        faster = {**self.NOW, "weir": [55, 56, 57, 58, 59]}
        self.assertEqual(["better"], self.verdicts(self.NOW, faster))
        self.assertEqual(["WORSE"], self.verdicts(faster, self.NOW))

    def test_one_run_that_lies_among_the_others_is_noise(self):
        other = {**self.NOW, "weir": [54, 56, 57, 58, 59]}
        self.assertEqual(["within the noise"], self.verdicts(self.NOW, other))
        self.assertEqual(["within the noise"], self.verdicts(other, self.NOW))

    def test_four_runs_are_too_few(self):
        few = {"direct": [100] * 4, "weir": [90] * 4}
        self.assertEqual(["too few runs to tell"], self.verdicts(self.NOW, few))

    def test_rates_are_divided_by_those_without_a_proxy(self):
        # Twice the rate on a machine that is twice as fast.
        twice = {target: [2 * value for value in values] for target, values in self.NOW.items()}
        self.assertEqual(["within the noise"], self.verdicts(self.NOW, twice))
        self.assertEqual(["better"], self.verdicts({"weir": self.NOW["weir"]}, {"weir": twice["weir"]}))

    def test_of_processor_time_less_is_better_and_nothing_is_divided(self):
        def with_costs(costs: list[float]) -> dict[str, object]:
            result = result_of(self.NOW)
            for one in result["scenarios"]["keepalive"]["samples"]:
                del one["rate"]
                one["cost"] = costs[one["round"] - 1] if one["target"] == "weir" else None
            return result
        less, more = with_costs([1, 2, 3, 4, 5]), with_costs([6, 7, 8, 9, 10])
        self.assertEqual([["keepalive", "weir", "cost", "3", "8", "+166.7%", "WORSE"]], compare.compare(less, more, []))
        self.assertEqual("better", compare.compare(more, less, [])[0][-1])

    def test_names_choose(self):
        both = {**self.NOW, "nginx": [70] * 5}
        self.assertEqual(2, len(self.verdicts(both, both)))
        self.assertEqual(1, len(self.verdicts(both, both, "nginx")))
        self.assertEqual(1, len(self.verdicts(both, both, "nginx", "keepalive")))
        self.assertEqual([], compare.unknown(result_of(both), result_of(both), ["nginx", "keepalive"]))
        self.assertEqual(1, len(compare.unknown(result_of(both), result_of(self.NOW), ["nginx"])))

    def test_another_load_is_told(self):
        wrk, own = result_of(self.NOW, "wrk"), result_of(self.NOW)
        self.assertEqual(["not the same setting: load was wrk, is request_load"], compare.differences(wrk, own))
        self.assertEqual([], compare.differences(own, own))


class CommandLine(unittest.TestCase):
    def run_tool(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-B", str(BENCH / name), *arguments], capture_output=True, text=True,
                              check=False)

    def test_what_cannot_be_read_is_said_and_ends_with_2(self):
        with tempfile.TemporaryDirectory() as folder:
            other, good, picture = (pathlib.Path(folder, name) for name in ("other.json", "good.json", "picture.svg"))
            other.write_text("[]", encoding="utf-8")
            good.write_text(json.dumps(result_of(Compared.NOW)), encoding="utf-8")
            for arguments, words in (
                    (("compare.py", str(good), f"{folder}/none.json"), "none.json: No such file"),
                    (("compare.py", str(good), str(other)), "is no result of bench/run.sh"),
                    (("compare.py", str(good), __file__), "is no JSON"),
                    (("compare.py", str(good), str(good), "wier"), 'no target or scenario "wier"'),
                    (("plot.py", f"{folder}/none.json", str(picture)), "none.json: No such file"),
                    (("plot.py", str(good), str(picture), "idle"), '"idle" is not there'),
                    (("plot.py", str(good), str(picture)), "has a rate to draw")):
                with self.subTest(arguments=arguments[2:]):
                    done = self.run_tool(*arguments)
                    self.assertEqual(2, done.returncode, done.stderr)
                    self.assertIn(words, done.stderr)
                    self.assertNotIn("Traceback", done.stderr)
            done = self.run_tool("compare.py", str(good), str(good), "weir")
            self.assertEqual((0, ""), (done.returncode, done.stderr))
            self.assertIn("rate to direct", done.stdout)


class Documents(unittest.TestCase):
    """Whether bench/tables.py --check notices what is wrong."""

    ROOT = BENCH.parent
    # In each of these files one digit is changed: the last one of what is found first.
    CHANGES = [("README.md", r"\*\*\d\.\d\d\*\*"), ("bench/README.md", r"\d+\) bytes \|"),
               (f"{tables.FOLDER}/README.md", r"\d+ \("), (f"{tables.FOLDER}/one-worker.svg", r"width=\"\d+\."),
               (f"{tables.FOLDER}/one-worker.json", r"\"requests\": \d+"),
               (f"{tables.FOLDER}/one-worker.json", r"\"median\": \d+"),
               (f"{tables.FOLDER}/one-worker.json",
                r"\"requests\": \d+, \"bytes\": \d+, \"seconds\": [\d.]+, \"rate\": \d+")]

    def test_a_digit_that_is_changed_is_found(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder)
            (copy / tables.FOLDER).mkdir(parents=True)
            results = [str(path.relative_to(self.ROOT)) for path in (self.ROOT / tables.FOLDER).iterdir() if path.is_file()]
            for one in [*tables.DOCUMENTS, *results]:
                shutil.copy(self.ROOT / one, copy / one)
            self.assertEqual([], tables.Tree(copy).wrong())
            for name, pattern in self.CHANGES:
                with self.subTest(name=name, pattern=pattern):
                    text = (copy / name).read_text(encoding="utf-8")
                    found = re.search(pattern, text)
                    at = found.start() + re.search(r"\d(?=\D*$)", found[0]).start()
                    (copy / name).write_text(f"{text[:at]}{9 - int(text[at])}{text[at + 1:]}", encoding="utf-8")
                    self.assertNotEqual([], tables.Tree(copy).wrong())
                    (copy / name).write_text(text, encoding="utf-8")

    def test_what_no_commit_has_is_found(self):
        for commit, command, lines in [("26532b5", ["--rounds", "2", "keepalive"], 0),
                                       ("26532b5-dirty", ["--rounds", "2", "keepalive"], 1), ("unknown", [], 1),
                                       ("26532b5", ["--weir", "/tmp/weir", "--other=/tmp/other", "keepalive"], 2)]:
            with self.subTest(commit=commit, command=command):
                result = {"machine": {"commit": commit}, "command": command}
                self.assertEqual(lines, len(tables.not_of_a_commit(result)))

    def test_versions_are_those_of_what_was_measured(self):
        result = result_of({"direct": [1], "pen": [1], "socket-proxyd": [1], "haproxy": [1], "haproxy-splice": [1]})
        result["machine"]["versions"] = {"nginx": "1.22.1", "haproxy": "2.6.12-1+deb12u4", "pen": "0.34.1-2+b1",
                                         "systemd": "unknown"}
        self.assertEqual(["HAProxy 2.6.12", "pen 0.34.1"], kinds.versions(result))

    def test_only_scenarios_with_a_rate_are_drawn(self):
        spread = {"median": 1.0, "min": 1.0, "max": 1.0}
        result = result_of({"weir": [1]})
        result["scenarios"] = {"idle": {"medians": {"weir": {"rate": None}}},
                               "backends-10": {"medians": {"weir": {"rate": spread}}}}
        self.assertEqual(["backends-10"], plot.with_a_rate(result))


if __name__ == "__main__":
    unittest.main()
