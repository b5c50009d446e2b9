// How backends and pools stand, in one word each: the names of colours in style.css.
export function healthOf(backend) {
  if (backend.state !== 'up') return backend.state;
  return backend.passed_over || backend.weight_ratio < 1 ? 'slow' : 'up';
}

export function stateText(backend) {
  if (backend.state === 'up' && backend.passed_over) return 'up, passed over';
  if (backend.state === 'up' && backend.weight_ratio < 1) return `up, ${Math.round(100 * backend.weight_ratio)} %`;
  return backend.state;
}

// Those that belong to it; others have left and only have sessions still.
export function membersOf(pool) { return pool.backends.filter((one) => !one.left); }

// That of a pool: of its best backend, and "slow" while some are not up.
export function poolHealth(pool) {
  if (pool.healthy === 0) return pool.backends.some((one) => one.state === 'up') ? 'slow' : 'down';
  return pool.panic || pool.healthy < membersOf(pool).length ? 'slow' : 'up';
}

export function isUsable(backend) { return backend.state === 'up' && !backend.passed_over; }
