"""How exactly a limit of so many connections a second is kept, and what becomes of those that are too many."""

import dataclasses

import proxies
import load
from scenario import Column, Sample, Scenario, faults_of_pace, faults_of_silence, growth, load_average

RATE = 1000  # connections a second
BURST = 100
WARM_UP = 1  # seconds that do not count: the burst, and HAProxy's first second
PATIENCE = 2  # seconds

WEIR = f"""\
[listeners.front.limits]
connection_rate = "{RATE}/s"
connection_burst = {BURST}
"""
HAPROXY_REJECTS = [f"tcp-request connection reject if {{ fe_sess_rate ge {RATE} }}"]
# By default its queue is so long that everybody in it has waited for longer than PATIENCE.
HAPROXY_DELAYS = [f"rate-limit sessions {RATE}", f"backlog {RATE}"]


@dataclasses.dataclass
class RateSample(Sample):
    """`rate` is what clients were served in a second, once the burst was used up."""

    rate: float
    error: float  # of the limit
    most: int  # in any second
    own_difference: int | None  # the proxy's count of the admitted less what clients saw, in the whole run
    refused: float  # shares of what was offered
    timed_out: float


class Rate(Scenario):
    name = "rate"
    columns = [
        Column("admitted/s", "rate", "{:.1f}".format, True),
        Column("error", "error", "{:+.2%}".format, True),
        Column("most in 1 s", "most", "{:.0f}".format, True),
        Column("own count", "own_difference", "{:+.0f}".format, True),
        Column("refused", "refused", "{:.0%}".format),
        Column("timed out", "timed_out", "{:.0%}".format),
    ]

    @property
    def about(self) -> str:
        return f"{RATE}/s are allowed, {self.sizes.offered}/s are offered for {self.sizes.seconds} s"

    def start(self, place: proxies.Place) -> list[proxies.Proxy]:
        found = []
        for workers in (1, 4):
            found += [
                proxies.start_weir(place, f"weir-{workers}", WEIR, workers),
                proxies.start_haproxy(place, f"haproxy-rejects-{workers}", HAPROXY_REJECTS, workers),
                proxies.start_haproxy(place, f"haproxy-delays-{workers}", HAPROXY_DELAYS, workers),
            ]
        self.notes = ["nginx's stream module has no limit on the rate of connections"]
        return found

    def take(self, proxy: proxies.Proxy, number: int) -> RateSample:
        before = proxy.count()
        tally = self.generator.offer(proxy.address, rate=self.sizes.offered, seconds=self.sizes.seconds,
                                     patience=PATIENCE)
        own = growth(before, proxy.count())
        second = load.SLICES_PER_SECOND
        slices = (tally.served_in + [0] * second * self.sizes.seconds)[:second * self.sizes.seconds]
        rate = sum(slices[WARM_UP * second:]) / (self.sizes.seconds - WARM_UP)
        most = max(sum(slices[i:i + second]) for i in range(WARM_UP * second, len(slices) - second + 1))
        errors = tally.faults() | faults_of_pace(tally, self.sizes.offered * self.sizes.seconds, self.sizes)
        if "delays" not in proxy.name:
            errors |= faults_of_silence(tally, self.sizes)
        return RateSample(proxy.name, number, load_average(), tally, own, errors, rate, rate / RATE - 1, most,
                          own["admitted"] - tally.served, tally.refused / tally.offered,
                          tally.timed_out / tally.offered)
