"""What a refused connection costs the proxy's processor, by what refuses it and how fast they come."""

import dataclasses
import os

import proxies
import load
import figures
from scenario import Column, Sample, Scenario, Sizes, faults_of_pace, faults_of_silence, growth, load_average

AT_ONCE = 64
KERNEL = "weir-kernel-drop"
BARE = "bare"


@dataclasses.dataclass
class RefusalSample(Sample):
    """Times are of user and system, in microseconds for each connection that was refused."""

    cost: float  # the proxy's
    client_cost: float  # the load generator's
    both: float
    refused_rate: float  # connections a second
    own_difference: int | None  # the proxy's count of the refused less what clients saw


class Refusals(Scenario):
    """One limit that refuses, under a load that is `steady` or as fast as it goes."""

    columns = [
        Column("CPU us", "cost", "{:.2f}".format, True),
        Column("to Weir", "to_weir", "{:.2f}".format, True),
        Column("client us", "client_cost", "{:.2f}".format),
        Column("both us", "both", "{:.2f}".format, True),
        Column("refused/s", "refused_rate", "{:.0f}".format),
        Column("own count", "own_difference", "{:+.0f}".format, True),
    ]
    hold = 0  # connections that each client has, so that it may open no more
    limit: str

    def __init__(self, sizes: Sizes, generator: load.Generator, *, steady: bool) -> None:
        super().__init__(sizes, generator)
        self.steady = steady
        self.name = f"refused-{self.limit}" + ("-steady" if steady else "")
        pace = f"{sizes.offered}/s" if steady else f"as fast as it goes, {AT_ONCE} at once"
        self.about = f"{self.reason}; {pace}"

    @property
    def reason(self) -> str:
        raise NotImplementedError

    def summarise(self, samples: list[Sample], target: str) -> dict[str, object]:
        return super().summarise(samples, target) | {"to_weir": figures.ratio(samples, target, "weir", "cost")}

    def take(self, proxy: proxies.Proxy, number: int) -> RefusalSample:
        before, cpu = proxy.count(), proxy.cpu_seconds()
        tally = self.run(proxy)
        cpu = proxy.cpu_seconds() - cpu
        own = growth(before, proxy.count())
        return self.sample(proxy, number, tally, cpu, own)

    def run(self, proxy: proxies.Proxy) -> load.Tally:
        if proxy.name == KERNEL:
            return self.generator.knock(proxy.address, count=self.sizes.refusals)
        hold = 0 if proxy.name == BARE else self.hold
        if self.steady:
            return self.generator.press(proxy.address, rate=self.sizes.offered, seconds=self.sizes.seconds, hold=hold)
        return self.generator.flood(proxy.address, count=self.sizes.refusals, at_once=AT_ONCE, hold=hold)

    def sample(self, proxy: proxies.Proxy, number: int, tally: load.Tally, cpu: float,
               own: dict[str, int]) -> RefusalSample:
        dropped = proxy.name == KERNEL
        refused = tally.abandoned if dropped else tally.refused
        errors = tally.faults() | faults_of_silence(tally, self.sizes)
        if self.steady:
            errors |= faults_of_pace(tally, self.sizes.offered * self.sizes.seconds, self.sizes)
        # A limit on a client's rate lets each client in once.
        if tally.served > self.generator.clients:
            errors["served"] = tally.served
        if not refused:
            errors["refused"] = 0
        elif not dropped and cpu < self.sizes.least_cpu:
            errors["cpu_seconds_too_few"] = cpu
        known = own.get("dropped" if dropped else "refused")
        if known is not None and known != refused:
            errors["own_count_differs"] = f"{known}, clients saw {refused}"
        each = 1e6 / max(refused, 1)
        return RefusalSample(proxy.name, number, load_average(), tally, own, errors, cpu * each,
                             tally.cpu_seconds * each, (cpu + tally.cpu_seconds) * each, refused / tally.seconds,
                             None if known is None else known - refused)


class Connections(Refusals):
    limit = "connections"
    reason = "a client that has as many connections open as it may"
    hold = 1

    def start(self, place: proxies.Place) -> list[proxies.Proxy]:
        return [
            proxies.start_weir(place, "weir", "[listeners.front.limits]\nclient_max_connections = 1\n"),
            proxies.start_haproxy(place, "haproxy", [
                "stick-table type ip size 100k expire 1h store conn_cur",
                "tcp-request connection track-sc0 src",
                "tcp-request connection reject if { sc0_conn_cur gt 1 }"]),
            proxies.start_nginx(place, "nginx",
                              ["limit_conn_zone $binary_remote_addr zone=clients:10m", "limit_conn_log_level info"],
                              ["limit_conn clients 1"]),
            proxies.start_bare(place, BARE),
        ]


class ClientRate(Refusals):
    limit = "rate"
    reason = "a client that comes more often than it may"

    def start(self, place: proxies.Place) -> list[proxies.Proxy]:
        self.notes = ["nginx's stream module has no limit on the rate of connections"]
        return [
            proxies.start_weir(place, "weir", '[listeners.front.limits]\nclient_connection_rate = "1/h"\n'),
            proxies.start_haproxy(place, "haproxy", [
                "stick-table type ip size 100k expire 1h store conn_rate(1h)",
                "tcp-request connection track-sc0 src",
                "tcp-request connection reject if { sc0_conn_rate gt 1 }"]),
            proxies.start_bare(place, BARE),
        ]


class Denied(Refusals):
    limit = "denied"
    reason = "a client that an access list denies"

    def start(self, place: proxies.Place) -> list[proxies.Proxy]:
        access = f'[listeners.front.access]\ndeny = ["{load.CLIENTS}"]\n'
        found = [
            proxies.start_weir(place, "weir", access),
            proxies.start_haproxy(place, "haproxy", [f"tcp-request connection reject if {{ src {load.CLIENTS} }}"]),
            proxies.start_nginx(place, "nginx", [], [f"deny {load.CLIENTS}"]),
            proxies.start_bare(place, BARE),
        ]
        if self.steady:
            return found  # SYNs that nobody waits for come as fast as they go only
        if os.geteuid() != 0:
            self.notes = [f"{KERNEL} is not measured: it takes rights, and this was not started as root"]
            return found
        return found + [proxies.start_weir(place, KERNEL, access + "kernel_drop = true\n")]
