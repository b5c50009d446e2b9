#!/usr/bin/env python3
"""What Prometheus thinks of Weir: promtool reads the metrics of a running one, with everything on that has metrics, the
alert rules with their tests and the scrape configuration; and Prometheus itself, which has scraped that page a few times,
answers each question of the dashboard."""

import http.server
import json
import os
import pathlib
import re
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request

from common import arguments, expect, main

from peers import process

# One that compares may well have nothing to show.
COMPARES = re.compile(r'(?<!le)(?:[<>]=?|==|!=|!~)(?! *")')
DOCKER = pathlib.Path(__file__).resolve().parents[2] / "docker"


def promtool(*words: str, given: bytes = b"") -> str:
    """Runs it, and fails unless it finds everything in order. What it says."""
    done = subprocess.run([process.need("promtool", "prometheus"), *words], input=given, capture_output=True, timeout=60,
                          cwd=DOCKER / "prometheus", check=False)
    said = (done.stdout + done.stderr).decode("utf-8", errors="replace")
    expect(done.returncode == 0, f"promtool {' '.join(words)}: status {done.returncode}\n{said}")
    return said


def page_of_running_weir(work: process.Workspace, process_test: str) -> bytes:
    """The metrics as a process test has found them; it knows how to turn everything on."""
    page = work.path / "metrics.txt"
    done = subprocess.run([process_test, "--gtest_filter=RichMetrics.*"], capture_output=True, timeout=120, check=False,
                          env={**os.environ, "WEIR_TEST_METRICS_PAGE": str(page)})
    expect(done.returncode == 0, f"{process_test} failed:\n{done.stdout.decode(errors='replace')[-3000:]}")
    return page.read_bytes()


def expressions_of_dashboard() -> list[str]:
    dashboard = json.loads((DOCKER / "grafana/weir.json").read_text(encoding="utf-8"))
    found = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    return [re.sub(r"\$\w+", ".*", expression.replace("$__rate_interval", "5m")) for expression in found]


def serve(page: bytes) -> int:
    """Serves it as the metrics of whoever asks, on the port that it returns, as long as the test runs."""
    class Door(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_words: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def _is_good(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return False


class Prometheus:
    """One that scrapes `port` often."""

    def __init__(self, work: process.Workspace, port: int) -> None:
        config = {"global": {"scrape_interval": "200ms", "scrape_timeout": "200ms"},
                  "scrape_configs": [{"job_name": "weir", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}]}
        own = work.free_port()
        self._url = f"http://127.0.0.1:{own}/api/v1/query?query="
        server = work.spawn("prometheus", [
            process.need("prometheus", "prometheus"), f"--config.file={work.write('scrape.yml', json.dumps(config))}",
            f"--storage.tsdb.path={work.path / 'tsdb'}", f"--web.listen-address=127.0.0.1:{own}"])
        work.wait_for_port("prometheus", server, "127.0.0.1", own)
        process.wait_until(lambda: _is_good(f"http://127.0.0.1:{own}/-/ready"), "Prometheus to be ready", 30)

    def results(self, expression: str) -> int:
        """How many series it answers with."""
        try:
            with urllib.request.urlopen(self._url + urllib.parse.quote(expression), timeout=20) as answer:
                return len(json.load(answer)["data"]["result"])
        except urllib.error.HTTPError as error:
            raise process.Failure(f"{expression}: {error.read().decode(errors='replace')}") from error


def expect_answers(work: process.Workspace, page: bytes) -> int:
    """Each question of the dashboard can be answered; those about what the page has, with something. How many have."""
    prometheus = Prometheus(work, serve(page))
    process.wait_until(lambda: prometheus.results("count_over_time(weir_build_info[5m]) >= 3") > 0, "three scrapes", 30)
    answered = 0
    for expression in expressions_of_dashboard():
        results = prometheus.results(expression)
        answered += results > 0
        asked = set(re.findall(r"\b(?:weir|process)_[a-z_]*[a-z]\b", expression))
        is_there = all(re.search(rf"^{name}[ {{]", page.decode(), re.MULTILINE) for name in asked)
        expect(results > 0 or not is_there or bool(COMPARES.search(expression)), f"nothing answers {expression}")
    return answered


def test() -> None:
    parser = arguments(__doc__)
    parser.add_argument("process_test", help="the binary of tests/process/metrics_test.cc")
    options = parser.parse_args()
    process.need("promtool", "prometheus")
    with process.Workspace() as work:
        page = page_of_running_weir(work, options.process_test)
        said = promtool("check", "metrics", given=page)
        # It ends well for names that it does not like, too, in some versions: it says what it does not like.
        expect(not said.strip(), f"promtool check metrics says: {said}")
        print(f"metrics: {page.count(b'# TYPE ')} families, {len(page)} bytes")
        print(promtool("check", "rules", "alerts.yml").strip())
        print(promtool("test", "rules", "alerts_test.yml").strip())
        print(promtool("check", "config", "prometheus.yml").strip())
        print(f"dashboard: {expect_answers(work, page)} of {len(expressions_of_dashboard())} questions have an answer")


if __name__ == "__main__":
    main(test)
