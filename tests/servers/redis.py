#!/usr/bin/env python3
"""Redis behind Weir under redis-benchmark: no error, and every increment arrived once."""

import subprocess

import common
from peers import process, redis, weir

REQUESTS = 20000
COUNTER = "counter:__rand_int__"  # redis-benchmark's own, taken literally without -r


def benchmark(port: int, *options: str) -> None:
    argv = ["redis-benchmark", "-h", "127.0.0.1", "-p", str(port), "-c", "50", "-q", *options]
    done = subprocess.run(process.with_parent(argv), capture_output=True, text=True, check=False, timeout=120)
    output = done.stdout + done.stderr
    print(" ".join(options), *output.replace("\r", "\n").split("\n")[-3:], flush=True)
    common.expect(done.returncode == 0, f"redis-benchmark ended with status {done.returncode}: {output[-1000:]}")
    common.expect("error" not in output.lower(), f"redis-benchmark reports an error: {output[-1000:]}")


def test() -> None:
    given = common.arguments(__doc__).parse_args()
    process.need("redis-benchmark", "redis-tools")
    common.need_root_for(given.user)
    with process.Workspace() as work:
        _, direct = redis.start(work)
        server = weir.start(work, given.weir, [f"127.0.0.1:{direct}"], workers="2", user=given.user)
        common.expect_user(server, given.user)
        benchmark(server.port, "-n", str(REQUESTS), "-t", "set,get,lpush,lrange_100,mset")
        benchmark(server.port, "-n", str(REQUESTS), "-t", "incr")
        benchmark(server.port, "-n", str(REQUESTS), "-t", "incr", "-P", "16")
        benchmark(server.port, "-n", "2000", "-t", "set,get", "-d", "100000")
        benchmark(server.port, "-n", "5000", "-t", "set", "-k", "0")  # a connection for each request
        counted = redis.command(direct, "GET", COUNTER)
        common.expect(counted == str(2 * REQUESTS), f"{2 * REQUESTS} increments were sent, Redis counts {counted}")
        common.expect_even_spread(server, 1)
        common.expect_ends_well(server)


if __name__ == "__main__":
    common.main(test)
