// The dashboard: reads the admin door again and again, shows what it says, and asks it for changes.
import {Charts} from './charts.js';
import {askToken, askWhether} from './dialogs.js';
import {ask, changeBackend, DoorError, setToken} from './door.js';
import {flowsOf} from './flow.js';
import {bytes, count, micros, number, NOTHING, plural, seconds} from './format.js';
import {membersOf} from './health.js';
import {History} from './history.js';
import {Notices} from './notices.js';
import {periodOf} from './period.js';
import {Picture} from './picture.js';
import * as tables from './tables.js';
import {followTheme} from './theme.js';

const byId = (id) => document.getElementById(id);
const FIRST_PERIOD_MS = 2000; // as long as nothing is known
const SLOW_PERIOD_MS = 10000; // of what is a look at every session
const SLEPT_MS = 5000; // so far apart two clocks are only after a sleep, or when one is set

const history = new History();
const notices = new Notices(byId('notices'));
const charts = new Charts(byId('charts'));
const picture = new Picture(byId('picture'), showBackend);
const backends = tables.backendsTable(byId('backends-table'), change);
const reasons = tables.reasonsTable(byId('reasons-table'));
const refusals = tables.refusalsTable(byId('refusals-table'));
const clients = tables.clientsTable(byId('clients-table'));

let shown = null; // the last reading, and what follows from it
let timer = null;
let isReading = false;
let isPaused = false;
let clientsReadAt = -Infinity;
let areClientsSeen = false;
let wasTokenRefused = false;

// Milliseconds since 1970, which no small change of the clock moves. While its machine slept the page's own clock may have
// stood still.
let origin = performance.timeOrigin;
function timeNow() {
  const missed = Date.now() - (origin + performance.now());
  if (missed > SLEPT_MS) origin += missed;
  return origin + performance.now();
}

function period() { return shown === null ? 0 : periodOf(shown.reading); }

function write(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

function showTiles({process, pools}, now) {
  write('connections', count(now.connections));
  write('connections-of', `of ${count(process.max_connections)} that fit`);
  write('arrivals', number(now.arrivals));
  write('bytes', bytes(now.upload === null ? null : now.upload + now.download));
  write('bytes-each', now.upload === null ? 'a second' : `a second; ↑\u00a0${bytes(now.upload)} ↓\u00a0${bytes(now.download)}`);
  write('refused', number(now.refused));
  write('connect', micros(now.p50));
  write('connect-rest', now.p99 === null ? 'of late: none' : `half of them; 99 % in ${micros(now.p99)}`);
  const all = pools.reduce((sum, pool) => sum + membersOf(pool).length, 0);
  const up = pools.reduce((sum, pool) => sum + pool.healthy, 0);
  write('healthy', `${count(up)}/${count(all)}`);
  write('healthy-rest', up === all ? 'up' : `up; ${all - up === 1 ? 'one is' : `${count(all - up)} are`} not`);
}

function showProcess({process, pools}) {
  write('process', `${process.version} · process ${process.pid}, ${process.state} · up ${seconds(process.uptime_seconds)} · ` +
                   plural(process.workers.length, 'worker', 'workers'));
  document.title = process.state === 'draining' ? 'Weir (draining)' : 'Weir';
  notices.set('draining', process.state === 'draining' ? 'Weir drains: it takes no new connections and waits for those that it has.' : null);
  notices.set('flood', process.syn_flood ? 'A SYN flood is going on.' : null);
  notices.set('overflow', process.accept_overflow ? 'Accept queues overflow: clients come faster than they are taken.' : null);
  notices.set('full', process.connections >= process.max_connections ? 'All connections that fit are taken: clients wait or are refused.' : null);
  const empty = pools.filter((pool) => membersOf(pool).length > 0 && pool.healthy === 0).map((pool) => pool.name);
  notices.set('empty', empty.length > 0 ? `No backend is up in ${empty.join(', ')}.` : null);
  const panic = pools.filter((pool) => pool.panic && pool.healthy > 0).map((pool) => pool.name);
  notices.set('panic', panic.length > 0 ? `Panic: so few backends are up in ${panic.join(', ')} that all are used.` : null);
}

function amountText(amount) {
  const measure = byId('measure').value;
  if (amount === null) return NOTHING;
  if (measure === 'open') return count(amount);
  return measure === 'bytes' ? `${bytes(amount)}/s` : `${number(amount)}/s`;
}

function showBackends() {
  if (shown === null) return;
  backends.show(tables.backendRows(shown.reading, shown.now, {text: byId('find').value, onlyTroubled: byId('only-troubled').checked}));
}

function showCharts() { charts.show(history.points, timeNow(), Number(byId('span').value)); }

function showPicture() {
  if (shown !== null) picture.show(shown.reading, flowsOf(shown.reading, byId('measure').value, shown.now.rate), amountText);
}

function show(reading) {
  shown = {reading, now: history.take(reading)};
  showTiles(reading, shown.now);
  showProcess(reading);
  showPicture();
  showCharts();
  showBackends();
  reasons.show(tables.reasonRows(reading, shown.now));
  refusals.show(tables.refusalRows(reading.refusals));
}

// Turns the table to a backend of the picture.
function showBackend(key) {
  byId('find').value = '';
  byId('only-troubled').checked = false;
  showBackends();
  const row = backends.find(key);
  row?.scrollIntoView({block: 'center'});
  row?.querySelector('button')?.focus();
}

async function read() {
  const asked = timeNow();
  const paths = ['v1/process', 'v1/listeners', 'v1/pools', 'v1/refusals'];
  const [process, listeners, pools, refused] = await Promise.all(paths.map((path) => ask('GET', path)));
  show({asked, at: timeNow(), period: period(), process, listeners: listeners.listeners, pools: pools.pools, refusals: refused});
}

async function readClients() {
  if (!areClientsSeen || performance.now() - clientsReadAt < SLOW_PERIOD_MS) return;
  clientsReadAt = performance.now();
  try {
    clients.show((await ask('GET', 'v1/clients')).clients);
    notices.set('clients', null);
  } catch (error) {
    if (!(error instanceof DoorError)) throw error;
    clientsReadAt = -Infinity;
    // Where the door does not answer at all, or takes its token, the other readings say so.
    if (error.status !== 0 && error.status !== 401) notices.set('clients', `The busiest clients: ${error.message}.`);
  }
}

// Whether there is a token now that was not there before.
async function getToken(why) {
  const token = await askToken(why);
  if (!token) return false;
  setToken(token);
  write('token', 'Other token');
  wasTokenRefused = false;
  return true;
}

async function getTokenAndRead(why) {
  if (await getToken(why)) readOnce();
}

async function readAgain() {
  timer = null;
  if (isReading) return;
  isReading = true;
  try {
    await read();
    void readClients();
    notices.set('silent', null);
    document.body.classList.remove('is-stale');
  } catch (error) {
    if (!(error instanceof DoorError)) throw error;
    history.miss(timeNow());
    showCharts();
    document.body.classList.add('is-stale');
    if (error.status === 401 && error.isDoors && !wasTokenRefused) {
      wasTokenRefused = true;
      void getTokenAndRead(`To see this Weir from here takes its token: ${error.message}.`);
    }
    notices.set('silent', error.isDoors ? `The admin door says: ${error.message}.` :
        `The admin door does not answer (${error.message}); what is shown is old.`);
  } finally {
    isReading = false;
    readSoon(Math.max(FIRST_PERIOD_MS, period()));
  }
}

function readSoon(wait) {
  clearTimeout(timer);
  timer = isPaused || document.hidden ? null : setTimeout(readAgain, wait);
}

// Also while the page pauses: to show what has come of something.
function readOnce() {
  clearTimeout(timer);
  timer = setTimeout(readAgain, 0);
}

async function change(row, state) {
  const name = `${row.pool.name} ${row.backend.name}`;
  if (state === 'drain') {
    const {text, isLast} = tables.drainText(row);
    if (!(await askWhether({title: `Drain ${name}?`, text, yes: 'Drain', isGrave: isLast}))) return;
  }
  for (;;) {
    try {
      const answer = await changeBackend(row.pool.name, row.backend.name, {state});
      notices.tell(`${name}: ${answer.done}`);
      return readOnce();
    } catch (error) {
      if (!(error instanceof DoorError)) throw error;
      if (error.status === 401 && error.isDoors) {
        if (await getToken(`A change takes the token: ${error.message}.`)) continue;
        return;
      }
      return notices.tell(`${name}: ${error.message}`, true);
    }
  }
}

function start() {
  byId('token').addEventListener('click',
                                 () => getTokenAndRead('Changes by TCP take it, and so does all from another machine.'));
  byId('pause').addEventListener('click', (event) => {
    isPaused = !isPaused;
    event.target.textContent = isPaused ? 'Go on' : 'Pause';
    readSoon(0);
  });
  byId('find').addEventListener('input', showBackends);
  byId('only-troubled').addEventListener('change', showBackends);
  byId('measure').addEventListener('change', showPicture);
  byId('span').addEventListener('change', showCharts);
  document.addEventListener('visibilitychange', () => readSoon(0));
  new ResizeObserver(showPicture).observe(byId('picture'));
  new IntersectionObserver((entries) => {
    areClientsSeen = entries.at(-1).isIntersecting;
    void readClients();
  }).observe(byId('clients'));
  followTheme(byId('theme'), () => {
    charts.restyle();
    showCharts();
  });
  readSoon(0);
}

start();
