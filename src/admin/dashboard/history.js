// What has been read of the door, and what follows from two readings: rates, and the times of what happened between them.
// Counters of another process, and of something that has gone and come again, begin anew: there is no rate then.
const KEPT_MS = 3600 * 1000;
const QUANTILE_READINGS = 5;
// So much later than it should be a reading follows another one no more: the page was hidden, or its machine slept.
const LATE = 2.5;

// Of the connects that came between two readings of a histogram, the time below which the part `q` stayed, as far as the
// bounds tell; microseconds, or null for none. In a bucket they are taken to lie evenly; beyond the last bound it is
// that bound.
export function quantile(bounds, counts, q) {
  const all = counts.reduce((sum, one) => sum + one, 0);
  if (all === 0) return null;
  let below = 0;
  for (let i = 0; i < bounds.length; ++i) {
    if (below + counts[i] >= q * all) {
      const lower = i === 0 ? 0 : bounds[i - 1];
      return lower + (bounds[i] - lower) * (q * all - below) / counts[i];
    }
    below += counts[i];
  }
  return bounds[bounds.length - 1];
}

function total(values) { return Object.values(values).reduce((sum, one) => sum + one, 0); }

function bytesOf(one) { return one.upload_bytes_total + one.download_bytes_total; }

// Of a backend. One that has left its pool, and has sessions still, may be called like one that came since.
export function keyOf(pool, backend) {
  return JSON.stringify(backend.left ? [pool, backend.name, backend.address] : [pool, backend.name]);
}

// Counters of one reading by name, flat.
function countersOf(reading) {
  const counters = new Map();
  for (const one of reading.listeners) {
    counters.set(`listener ${one.name}`, {
      arrivals: one.accepted_total, upload: one.upload_bytes_total, download: one.download_bytes_total,
      bytes: bytesOf(one), refused: total(one.refused_total), ...prefixed(one.refused_total)});
  }
  for (const pool of reading.pools) {
    counters.set(`pool ${pool.name}`, {fallbacks: pool.fallbacks_total});
    for (const one of pool.backends) {
      counters.set(keyOf(pool.name, one), {
        arrivals: one.sessions_total, bytes: bytesOf(one), failures: one.connect_failures_total});
    }
  }
  return counters;
}

function prefixed(refused) {
  return Object.fromEntries(Object.entries(refused).map(([reason, value]) => [`refused ${reason}`, value]));
}

// Of those that are not null; null where all are.
export function sumOfKnown(values) {
  const known = values.filter((one) => one !== null);
  return known.length === 0 && values.length > 0 ? null : known.reduce((sum, one) => sum + one, 0);
}

// Of each pool its histogram of connect times.
function connectsOf(reading) {
  return {bounds: reading.pools[0]?.connect_times.bounds_us ?? [],
          pools: new Map(reading.pools.map((pool) => [pool.name, pool.connect_times.counts]))};
}

export class History {
  constructor() {
    this.points = []; // of the charts, the oldest first
    this.last = null;
    this.connects = []; // the last readings of connect times
  }

  // A reading is {asked: when, in milliseconds, at: when it was there, period: milliseconds after which it should have been
  // asked for, from the last one on, process, listeners, pools}.
  // Gives what is to be shown of it.
  take(reading) {
    const counters = countersOf(reading);
    const before = this.last !== null && this.last.process === this.#processOf(reading) ? this.last : null;
    if (this.last !== null && reading.asked - this.last.at > LATE * reading.period) {
      this.miss(reading.at - 1);
      this.connects = [];
    }
    if (before === null) this.connects = [];
    const elapsed = before === null ? 0 : (reading.at - before.at) / 1000;
    const rate = (name, what) => {
      const now = counters.get(name)?.[what];
      const then = before?.counters.get(name)?.[what];
      return now === undefined || then === undefined || now < then || elapsed <= 0 ? null : (now - then) / elapsed;
    };
    this.last = {at: reading.at, process: this.#processOf(reading), counters};
    const now = {rate, ...this.#totals(reading, rate), ...this.#connectTimes(reading)};
    this.points.push({at: reading.at, connections: now.connections, arrivals: now.arrivals, upload: now.upload, download: now.download,
                      reasons: now.reasons, failures: now.failures, p50: now.p50, p99: now.p99});
    this.#forget(reading.at - KEPT_MS);
    return now;
  }

  // Nothing was read: charts have a gap, one however long it takes.
  miss(at) {
    if (this.points.length > 0 && this.points.at(-1).connections !== null) this.points.push({at, connections: null});
    this.#forget(at - KEPT_MS);
  }

  #forget(before) {
    const first = this.points.findIndex((point) => point.at >= before);
    this.points.splice(0, first < 0 ? this.points.length : first);
  }

  #processOf(reading) { return `${reading.process.pid} ${reading.process.started}`; }

  #totals(reading, rate) {
    const sum = (what) => sumOfKnown(reading.listeners.map((one) => rate(`listener ${one.name}`, what)));
    const reasons = {};
    const names = new Set(reading.listeners.flatMap((one) => Object.keys(one.refused_total)));
    for (const reason of names) reasons[reason] = sum(`refused ${reason}`);
    return {connections: reading.process.connections, arrivals: sum('arrivals'), upload: sum('upload'),
            download: sum('download'), refused: sum('refused'), reasons, failures: this.#failures(reading, rate)};
  }

  #failures(reading, rate) {
    return sumOfKnown(reading.pools.flatMap((pool) => pool.backends.map((one) => rate(keyOf(pool.name, one), 'failures'))));
  }

  // Over the last readings together, so that few connections do not make it jump.
  #connectTimes(reading) {
    const now = connectsOf(reading);
    this.connects.push(now);
    if (this.connects.length > QUANTILE_READINGS + 1) this.connects.shift();
    const counts = now.bounds.map(() => 0).concat(0);
    for (const [name, values] of now.pools) {
      const then = this.connects[0].pools.get(name);
      // One that is new, or has come again, has not been seen from its beginning.
      if (then === undefined || values.some((value, i) => value < then[i])) continue;
      values.forEach((value, i) => { counts[i] += value - then[i]; });
    }
    return {p50: quantile(now.bounds, counts, 0.5), p99: quantile(now.bounds, counts, 0.99)};
  }
}
