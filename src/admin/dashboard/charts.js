// The charts over time, by Chart.js.
import {bytes, clock, micros, number} from './format.js';

const SERIES = 8; // colours that style.css has for lines

function colourOf(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

const KINDS = [
  {id: 'connections', title: 'Connections', format: number, lines: [['open', (p) => p.connections]], fill: true},
  {id: 'arrivals', title: 'New connections a second', format: number, lines: [['accepted', (p) => p.arrivals ?? null]], fill: true},
  {id: 'bytes', title: 'Bytes a second', format: bytes,
   lines: [['client to backend', (p) => p.upload ?? null], ['backend to client', (p) => p.download ?? null]]},
  {id: 'refusals', title: 'Refusals a second, by reason', format: number, lines: [], isByReason: true},
  {id: 'connect', title: 'Connect time', format: micros, lines: [['p50', (p) => p.p50 ?? null], ['p99', (p) => p.p99 ?? null]]},
  {id: 'failures', title: 'Failed connects to backends a second', format: number, lines: [['failed', (p) => p.failures ?? null]], fill: true},
];

// The look of the line that is called `label`.
function styleOf(kind, index) {
  const colour = colourOf(`--series-${(index % SERIES) + 1}`);
  const isDashed = kind.isByReason ? index >= SERIES : index % 2 === 1;
  return {borderColor: colour, backgroundColor: `${colour}33`, borderWidth: 1.6, pointRadius: 0, pointHitRadius: 12, tension: 0,
          fill: kind.fill ? 'origin' : false, borderDash: isDashed ? [5, 3] : []};
}

// Lines for the reasons that have come at all in what is shown; each has the same look whichever others there are.
function linesByReason(points) {
  const found = new Map();
  for (const point of points) {
    Object.entries(point.reasons ?? {}).forEach(([reason, rate], index) => { if (rate > 0) found.set(reason, index); });
  }
  return [...found].sort(([one], [other]) => (one < other ? -1 : 1)).map(
      ([reason, index]) => ({label: reason, value: (point) => point.reasons?.[reason] ?? null, index}));
}

function linesOf(kind, points) {
  return kind.isByReason ? linesByReason(points) : kind.lines.map(([label, value], index) => ({label, value, index}));
}

// For an axis of bytes: at most five steps up to `most`, each a power of two.
function stepOf(most) { return most > 0 ? 2 ** Math.ceil(Math.log2(most / 5)) : 1; }

function optionsOf(kind) {
  const grid = colourOf('--line');
  const text = colourOf('--quiet');
  return {
    animation: false, maintainAspectRatio: false, parsing: false, normalized: true,
    interaction: {mode: 'index', intersect: false},
    scales: {
      x: {type: 'linear', grid: {display: false}, border: {color: grid},
          ticks: {color: text, maxTicksLimit: 5, maxRotation: 0, callback: clock}},
      y: {beginAtZero: true, suggestedMax: kind.format === number ? 4 : undefined, grid: {color: grid},
          ticks: {color: text, maxTicksLimit: 5, callback: (value) => kind.format(value)}},
    },
    plugins: {
      legend: {display: kind.lines.length !== 1, labels: {color: text, boxWidth: 18, boxHeight: 2}},
      tooltip: {callbacks: {title: (items) => clock(items[0].parsed.x),
                            label: (item) => `${item.dataset.label}: ${kind.format(item.parsed.y)}`}},
    },
  };
}

export class Charts {
  constructor(place) {
    window.Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    this.charts = KINDS.map((kind) => {
      const figure = document.createElement('figure');
      const caption = document.createElement('figcaption');
      const frame = document.createElement('div');
      const canvas = document.createElement('canvas');
      canvas.id = `chart-${kind.id}`;
      canvas.setAttribute('role', 'img');
      caption.textContent = kind.title;
      frame.append(canvas);
      figure.append(caption, frame);
      place.append(figure);
      return {kind, chart: new window.Chart(canvas, {type: 'line', data: {datasets: []}, options: optionsOf(kind)})};
    });
  }

  // Points of the last `span` seconds before `now` (milliseconds).
  show(points, now, span) {
    const seen = points.filter((point) => point.at >= now - span * 1000);
    for (const {kind, chart} of this.charts) {
      const lines = linesOf(kind, seen);
      // The same objects as before, so that what somebody has hidden stays so.
      chart.data.datasets = lines.map(({label, value, index}) => {
        const known = chart.data.datasets.find((one) => one.label === label);
        return Object.assign(known ?? {label}, styleOf(kind, index), {data: seen.map((point) => ({x: point.at, y: value(point)}))});
      });
      if (kind.format === bytes) {
        const values = chart.data.datasets.flatMap((line) => line.data.map((point) => point.y ?? 0));
        chart.options.scales.y.ticks.stepSize = stepOf(Math.max(0, ...values));
      }
      chart.options.scales.x.min = now - span * 1000;
      chart.options.scales.x.max = now;
      chart.update('none');
      const last = seen.at(-1);
      chart.canvas.setAttribute('aria-label', `${kind.title}: ${lines.map(({label, value}) =>
        `${label} ${kind.format(last === undefined ? null : value(last))}`).join(', ') || 'none'}`);
    }
  }

  // Colours have changed.
  restyle() {
    for (const {kind, chart} of this.charts) chart.options = optionsOf(kind);
  }
}
