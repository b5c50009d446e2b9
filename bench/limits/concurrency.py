"""How exactly a limit on each client's open connections is kept when many come at once from several clients."""

import dataclasses

import proxies
from scenario import Column, Sample, Scenario, growth, load_average

ALLOWED = 20  # connections of each client

WEIR = f"""\
[listeners.front.limits]
client_max_connections = {ALLOWED}
"""
HAPROXY = [
    "stick-table type ip size 100k expire 1m store conn_cur",
    "tcp-request connection track-sc0 src",
    f"tcp-request connection reject if {{ sc0_conn_cur gt {ALLOWED} }}",
]
# The refusals' lines of log, one each, are left out.
NGINX_ZONES = ["limit_conn_zone $binary_remote_addr zone=clients:10m", "limit_conn_log_level info"]
NGINX = [f"limit_conn clients {ALLOWED}"]


@dataclasses.dataclass
class ConcurrencySample(Sample):
    """`most` and `least` are of the clients: how many connections one held at most."""

    most: int
    least: int
    held: int  # by all together
    own_difference: int | None  # the proxy's count of those open less that
    timed_out: float  # share of the connects


class Concurrency(Scenario):
    name = "concurrency"
    columns = [
        Column("most of a client", "most", "{:.0f}".format, True),
        Column("least of a client", "least", "{:.0f}".format, True),
        Column("held", "held", "{:.0f}".format, True),
        Column("own count", "own_difference", "{:+.0f}".format, True),
        Column("timed out", "timed_out", "{:.1%}".format, True),
    ]

    @property
    def about(self) -> str:
        return (f"{ALLOWED} connections are allowed to each of {self.generator.clients} clients, "
                f"which open {self.sizes.crowd} each at once")

    def start(self, place: proxies.Place) -> list[proxies.Proxy]:
        found = []
        for workers in (1, 4):
            found += [
                proxies.start_weir(place, f"weir-{workers}", WEIR, workers),
                proxies.start_haproxy(place, f"haproxy-{workers}", HAPROXY, workers),
                proxies.start_nginx(place, f"nginx-{workers}", NGINX_ZONES, NGINX, workers),
            ]
        return found

    def take(self, proxy: proxies.Proxy, number: int) -> ConcurrencySample:
        before = proxy.count()
        with self.generator.crowd(proxy.address, count=self.generator.clients * self.sizes.crowd) as tally:
            own = growth(before, proxy.count())
        held, errors = sum(tally.kept), tally.faults()
        # Of the others that would be a finding; Weir says that it does not happen.
        if proxy.name.startswith("weir") and max(tally.most_kept) > ALLOWED:
            errors["let_through"] = max(tally.most_kept)
        # Who got no answer tells nothing against the limit: the others were many times more than it allows.
        return ConcurrencySample(proxy.name, number, load_average(), tally, own, errors, max(tally.most_kept),
                                 min(tally.most_kept), held, own["open"] - held if own else None,
                                 tally.timed_out / tally.offered)
