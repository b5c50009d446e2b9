// The tables of the page: what their columns show.
import {bytes, count, micros, moment, number, percent, plural, seconds} from './format.js';
import {healthOf, isUsable, stateText} from './health.js';
import {keyOf} from './history.js';
import {Table} from './table.js';

function stateCell({backend}, cell) {
  if (cell.firstChild === null) cell.append(document.createElement('span'));
  const mark = cell.firstChild;
  const text = stateText(backend);
  if (mark.textContent !== text) mark.textContent = text;
  mark.className = `mark state-${healthOf(backend)}`;
  mark.title = backend.state_reason ?? '';
}

function nameCell({backend}, cell) {
  const text = backend.name === backend.address ? backend.name : `${backend.name} (${backend.address})`;
  if (cell.textContent !== text) cell.textContent = text;
}

function shareCell(row, cell) {
  if (cell.firstChild === null) {
    cell.append(document.createElement('meter'), document.createElement('span'));
    cell.firstChild.setAttribute('aria-hidden', 'true');
  }
  cell.firstChild.value = row.share ?? 0;
  const text = ` ${percent(row.share)}`;
  if (cell.lastChild.textContent !== text) cell.lastChild.textContent = text;
}

export function backendsTable(place, change) {
  const actions = (row, cell) => {
    if (cell.firstChild === null) cell.append(Object.assign(document.createElement('button'), {type: 'button'}));
    const button = cell.firstChild;
    button.hidden = row.backend.left;
    const wanted = ['drain', 'maintenance'].includes(row.backend.state) ? 'up' : 'drain';
    button.textContent = wanted === 'up' ? 'Up' : 'Drain';
    button.setAttribute('aria-label', `${button.textContent} ${row.pool.name} ${row.backend.name}`);
    button.onclick = () => change(row, wanted);
  };
  return new Table(place, {
    caption: 'Backends', empty: 'No backend is called so.', keyOf: (row) => row.key,
    columns: [
      {title: 'Pool', text: (row) => row.pool.name, value: (row) => row.pool.name},
      {title: 'Backend', element: nameCell, value: (row) => row.backend.name},
      {title: 'State', element: stateCell, value: (row) => stateText(row.backend)},
      {title: 'Change', element: actions},
      {title: 'Open', isNumber: true, className: 'number', value: (row) => row.backend.in_flight,
       text: ({backend}) => count(backend.in_flight) + (backend.max_connections === undefined ? '' : ` / ${count(backend.max_connections)}`)},
      {title: 'New/s', isNumber: true, className: 'number', value: (row) => row.arrivals ?? 0, text: (row) => number(row.arrivals)},
      {title: 'Share', isNumber: true, className: 'number', value: (row) => row.share ?? 0, element: shareCell},
      {title: 'Weight', isNumber: true, className: 'number', value: (row) => row.backend.weight, text: (row) => count(row.backend.weight)},
      {title: 'Bytes/s', isNumber: true, className: 'number', value: (row) => row.bytes ?? 0, text: (row) => bytes(row.bytes)},
      {title: 'Connect', isNumber: true, className: 'number', value: (row) => row.backend.connect_us,
       text: ({backend}) => micros(backend.connect_us === 0 ? null : backend.connect_us)},
      {title: 'Sessions', isNumber: true, className: 'number', value: (row) => row.backend.sessions_total,
       text: ({backend}) => count(backend.sessions_total)},
      {title: 'Failed connects', isNumber: true, className: 'number', value: (row) => row.backend.connect_failures_total,
       text: ({backend}) => count(backend.connect_failures_total)},
      {title: 'Why', className: 'why', text: ({backend}) => backend.state_reason ?? ''},
    ],
  });
}

// Rows of the backends table that are asked for by what stands in the boxes above it.
export function backendRows(reading, now, {text, onlyTroubled}) {
  const words = text.toLowerCase().split(/\s+/).filter((word) => word !== '');
  return reading.pools.flatMap((pool) => {
    const rows = pool.backends.map((backend) => {
      const key = keyOf(pool.name, backend);
      return {pool, backend, key, arrivals: now.rate(key, 'arrivals'), bytes: now.rate(key, 'bytes')};
    });
    const all = rows.reduce((sum, row) => sum + (row.arrivals ?? 0), 0);
    for (const row of rows) row.share = row.arrivals === null || all === 0 ? null : row.arrivals / all;
    return rows.filter(({backend}) => {
      if (onlyTroubled && healthOf(backend) === 'up') return false;
      const what = `${pool.name} ${backend.name} ${backend.address} ${stateText(backend)}`.toLowerCase();
      return words.every((word) => what.includes(word));
    });
  });
}

// What a drain leaves, in words.
export function drainText({pool, backend}) {
  const others = pool.backends.filter((one) => one !== backend && isUsable(one)).length;
  const stay = backend.in_flight === 0 ? 'It has no session now.' :
      `Its ${plural(backend.in_flight, 'session', 'sessions')} stay until they end.`;
  const go = others === 0 ? (pool.fallback_pool === null ? 'No other backend of the pool is up: new clients of it will find none there.' :
                             `No other backend of the pool is up: new sessions go to its fallback pool ${pool.fallback_pool}.`) :
      `New sessions go to the other ${others === 1 ? 'one' : count(others)}.`;
  return {text: `${go} ${stay}`, isLast: others === 0};
}

export function reasonsTable(place) {
  return new Table(place, {
    caption: 'Refusals by reason', empty: 'Nobody has been refused.', keyOf: (row) => row.reason, sort: 1, isDescending: true,
    columns: [
      {title: 'Reason', text: (row) => row.reason, value: (row) => row.reason},
      {title: 'In all', isNumber: true, className: 'number', text: (row) => count(row.total), value: (row) => row.total},
      {title: 'Now/s', isNumber: true, className: 'number', text: (row) => number(row.rate), value: (row) => row.rate ?? 0},
    ],
  });
}

export function reasonRows(reading, now) {
  return Object.entries(now.reasons).map(([reason, rate]) => ({
    reason, rate, total: reading.listeners.reduce((sum, one) => sum + (one.refused_total[reason] ?? 0), 0),
  })).filter((row) => row.total > 0);
}

export function refusalsTable(place) {
  return new Table(place, {
    caption: 'The last refused clients', empty: 'None of late.', keyOf: (row) => row.key,
    columns: [
      {title: 'Time', text: (row) => moment(row.time), value: (row) => row.time},
      {title: 'Client', text: (row) => row.client, value: (row) => row.client},
      {title: 'Listener', text: (row) => row.listener, value: (row) => row.listener},
      {title: 'Reason', text: (row) => row.reason + (row.dry_run ? ' (dry run: let in)' : ''), value: (row) => row.reason},
    ],
  });
}

// The same may come twice in one moment.
export function refusalRows({refusals}) {
  const seen = new Map();
  return refusals.map((one) => {
    const key = JSON.stringify(one);
    seen.set(key, (seen.get(key) ?? 0) + 1);
    return {...one, key: `${key} ${seen.get(key)}`};
  });
}

export function clientsTable(place) {
  return new Table(place, {
    caption: 'Clients with most sessions', empty: 'Nobody is connected.', keyOf: (row) => row.client,
    columns: [
      {title: 'Client', text: (row) => row.client, value: (row) => row.client},
      {title: 'Sessions', isNumber: true, className: 'number', text: (row) => count(row.sessions_open), value: (row) => row.sessions_open},
      {title: 'Sent', isNumber: true, className: 'number', text: (row) => bytes(row.upload_bytes), value: (row) => row.upload_bytes},
      {title: 'Received', isNumber: true, className: 'number', text: (row) => bytes(row.download_bytes), value: (row) => row.download_bytes},
      {title: 'Longest', isNumber: true, className: 'number', text: (row) => seconds(row.oldest_ms / 1000), value: (row) => row.oldest_ms},
    ],
  });
}
