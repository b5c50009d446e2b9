// Numbers as people read them.
const TIMES = [[1e6, 's'], [1e3, 'ms'], [1, 'µs']];

// Three digits that count.
function short(value) {
  if (value >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return value.toFixed(value >= 10 ? 1 : 2).replace(/\.?0+$/, '');
}

function scaled(value, step, units) {
  let at = 0;
  let rest = value;
  while (rest >= step * 0.9995 && at + 1 < units.length) {
    rest /= step;
    at += 1;
  }
  return `${short(rest)}${units[at]}`;
}

export const NOTHING = '–';

export function count(value) {
  return value === null ? NOTHING : value.toLocaleString('en-GB').replaceAll(',', '\u202f');
}

// A rate or another number that need not be exact.
export function number(value) { return value === null ? NOTHING : scaled(value, 1000, ['', 'k', 'M', 'G']); }

export function bytes(value) {
  return value === null ? NOTHING : scaled(value, 1024, ['\u00a0B', '\u00a0KiB', '\u00a0MiB', '\u00a0GiB', '\u00a0TiB', '\u00a0PiB']);
}

export function micros(value) {
  if (value === null) return NOTHING;
  const [unit, name] = TIMES.find(([size]) => value >= size) ?? TIMES[2];
  return `${short(value / unit)}\u00a0${name}`;
}

export function seconds(value) {
  if (value < 60) return `${Math.floor(value)}\u00a0s`;
  if (value < 3600) return `${Math.floor(value / 60)}\u00a0min`;
  if (value < 86400) return `${Math.floor(value / 3600)}\u00a0h ${Math.floor(value / 60) % 60}\u00a0min`;
  return `${Math.floor(value / 86400)}\u00a0d ${Math.floor(value / 3600) % 24}\u00a0h`;
}

export function percent(part) { return part === null ? NOTHING : `${short(100 * part)}\u00a0%`; }

// The time of day of one in milliseconds since 1970, or of RFC 3339.
export function clock(time) { return new Date(time).toLocaleTimeString('en-GB'); }

// The same, after the day where that is another one.
export function moment(time, now = new Date()) {
  const then = new Date(time);
  return then.toDateString() === now.toDateString() ? clock(then) : `${then.toLocaleDateString('en-GB')} ${clock(then)}`;
}

export function plural(value, one, many) { return `${count(value)} ${value === 1 ? one : many}`; }
