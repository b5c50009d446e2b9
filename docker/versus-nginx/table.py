"""The table of docker/versus-nginx: lines "LOAD ROUND PROXY REQUESTS_A_SECOND MICROSECONDS_OF_CPU_A_REQUEST" on standard input.

Ratios are taken within a round, where both had the machine in the same state; of them the median and the extremes count.
"""

import collections
import statistics
import sys

HEAD = ("load", "nginx: requests/s, CPU", "Weir: requests/s, CPU", "rate, Weir : nginx", "CPU, Weir : nginx")


def ratio(upper: list[float], lower: list[float]) -> str:
    each = [one / other for one, other in zip(upper, lower)]
    return f"{statistics.median(each):.2f} ({min(each):.2f}..{max(each):.2f})"


def main() -> None:
    rates, costs = collections.defaultdict(dict), collections.defaultdict(dict)
    for line in sys.stdin:
        load, _, proxy, rate, cost = line.split()
        rates[load].setdefault(proxy, []).append(float(rate))
        costs[load].setdefault(proxy, []).append(float(cost))
    rows = [HEAD]
    for load, by_proxy in rates.items():
        cells = [f"{statistics.median(by_proxy[proxy]):,.0f}, {statistics.median(costs[load][proxy]):.1f} us" for proxy in ("nginx", "weir")]
        rows.append((load.replace("_", " "), *cells, ratio(by_proxy["weir"], by_proxy["nginx"]), ratio(costs[load]["weir"], costs[load]["nginx"])))
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


if __name__ == "__main__":
    main()
