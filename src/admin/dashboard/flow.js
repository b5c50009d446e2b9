// How much goes from each listener to each pool, from how much each listener takes in and each pool gives out: what a
// listener with one pool has goes there, and so on, until nothing more follows. Where several listeners share several
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
