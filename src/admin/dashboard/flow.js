// How much comes from where and goes where, for the picture. What a listener has taken in and a pool has given out is counted;
// what goes from the one to the other follows from that.
import {keyOf, sumOfKnown} from './history.js';

function sum(values) { return values.includes(null) ? null : values.reduce((all, one) => all + one, 0); }

// A listener with one pool sends all there, and so on, until nothing more follows. Where several listeners share several
// pools it does not follow, and the edge has null.
export function edgesOf(listeners, pools) {
  const edges = listeners.flatMap((listener) => listener.pools.map((pool) => ({listener: listener.name, pool, rate: null})));
  const left = {listener: new Map(listeners.map((one) => [one.name, one.rate])),
                pool: new Map(pools.map((one) => [one.name, one.rate]))};
  const settle = (side) => {
    for (const [name, rate] of left[side]) {
      const open = edges.filter((edge) => edge[side] === name && edge.rate === null);
      if (open.length !== 1 || rate === null) continue;
      const [edge] = open;
      const other = side === 'pool' ? 'listener' : 'pool';
      edge.rate = Math.max(0, rate);
      left[side].set(name, 0);
      const theirs = left[other].get(edge[other]);
      if (theirs !== undefined && theirs !== null) left[other].set(edge[other], theirs - edge.rate);
      return true;
    }
    return false;
  };
  // What pools give out is nearer to the truth: a listener also takes in who comes to no backend.
  while (settle('pool') || settle('listener')) ;
  return edges;
}

// `measure` is "arrivals", "bytes" or "open", `rate` what History.take gives. Null wherever it is not known.
export function flowsOf(reading, measure, rate) {
  const ofBackend = (pool, one) => (measure === 'open' ? one.in_flight : rate(keyOf(pool.name, one), measure));
  const ofListener = (one) => (measure === 'open' ? one.sessions_open : rate(`listener ${one.name}`, measure));
  const ofPool = (pool) => sumOfKnown(pool.backends.map((one) => ofBackend(pool, one)));
  // What a pool could not serve and has handed to another one.
  const handedOn = (pool) => {
    if (pool.fallback_pool === null) return 0;
    if (measure === 'arrivals') return rate(`pool ${pool.name}`, 'fallbacks');
    return pool.fallbacks_total === 0 ? 0 : null;
  };
  const fromListeners = (pool) => {
    const fromPools = sum(reading.pools.filter((one) => one.fallback_pool === pool.name).map(handedOn));
    const all = sum([ofPool(pool), handedOn(pool)]);
    return all === null || fromPools === null ? null : all - fromPools;
  };
  return {
    ofBackend, ofListener, ofPool,
    edges: edgesOf(reading.listeners.map((one) => ({name: one.name, pools: one.pools, rate: ofListener(one)})),
                   reading.pools.map((one) => ({name: one.name, rate: fromListeners(one)}))),
    fallbacks: reading.pools.filter((one) => one.fallback_pool !== null).map(
        (one) => ({from: one.name, to: one.fallback_pool, rate: handedOn(one)})),
  };
}
