// Listeners, pools and backends from left to right. A line's width is how much goes there, its colour the health of where
// it leads. Pools with many backends show them as squares.
import {count, plural} from './format.js';
import {healthOf, membersOf, poolHealth, stateText} from './health.js';
import {keyOf} from './history.js';

const SVG = 'http://www.w3.org/2000/svg';
const NODE = {height: 38, gap: 8, blockGap: 20, most: 190};
const CELLS = [[14, 3], [11, 3], [8, 2], [6, 2]]; // size and gap, the largest that keeps a block within:
const MOST_BLOCK = 230;
const MOST_SINGLE = 12; // backends of a pool that are shown each with a name
const MOST_SINGLE_IN_ALL = 36;
const THICKEST = 16;

function make(name, attributes, parent) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent?.append(element);
  return element;
}

function set(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// As much of the text as about `width` pixels hold.
function fitting(text, width) {
  const most = Math.max(3, Math.floor(width / 7.2));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

// The parts as one text, or as many of the first as there is room for.
function fittingParts(parts, width) {
  const text = parts.filter((part) => part !== '').join(' · ');
  return parts.length === 1 || fitting(text, width) === text ? fitting(text, width) : fittingParts(parts.slice(0, -1), width);
}

export class Picture {
  // `choose` is called with the key of a backend that somebody wants to see.
  constructor(place, choose) {
    this.choose = choose;
    this.root = make('svg', {role: 'group', 'aria-label': 'Listeners, their pools and backends'});
    place.append(this.root);
    this.place = place;
    this.made = '';
  }

  // `flows` are those of flow.js; `text` writes an amount.
  show(reading, flows, text) {
    const width = Math.max(300, Math.floor(this.place.clientWidth));
    const made = JSON.stringify([width, reading.listeners.map((one) => [one.name, one.pools]),
                                 reading.pools.map((pool) => [pool.name, pool.backends.map((one) => keyOf(pool.name, one))])]);
    if (made !== this.made) this.#rebuild(reading, width);
    this.made = made;
    this.#update(reading, flows, text);
  }

  #rebuild(reading, width) {
    const focused = this.root.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
    this.#build(reading, width);
    if (focused !== undefined) [...this.root.querySelectorAll('a')].find((one) => one.dataset.key === focused)?.focus();
  }

  #build(reading, width) {
    this.root.replaceChildren();
    this.lines = make('g', {class: 'lines'}, this.root);
    const node = Math.min(NODE.most, Math.floor(width * 0.27));
    const middle = Math.floor((width - node) / 2);
    const right = width - node;
    this.backends = new Map();
    this.pools = new Map();
    this.listeners = new Map();
    let room = MOST_SINGLE_IN_ALL;
    let y = 2;
    for (const pool of reading.pools) {
      const isSingle = pool.backends.length <= Math.min(MOST_SINGLE, room);
      if (isSingle) room -= pool.backends.length;
      const own = isSingle ? this.#heightOfNodes(pool) : this.#cellsOf(pool, node).height;
      const height = Math.max(own, NODE.height);
      const centre = y + height / 2;
      if (isSingle) this.#addNodes(pool, right, centre - own / 2, node);
      else this.#addCells(pool, right, centre - own / 2, node);
      this.pools.set(pool.name, {...this.#addNode(middle, centre - NODE.height / 2, node, pool.name), left: middle, right: middle + node, centre});
      y += height + NODE.blockGap;
    }
    const height = Math.max(y, this.#addListeners(reading.listeners, node)) - NODE.blockGap + 4;
    this.root.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.root.setAttribute('width', width);
    this.root.setAttribute('height', height);
    this.edges = new Map();
  }

  #addNode(x, y, width, name, link = null) {
    const parent = link ?? make('g', {}, this.root);
    const box = make('rect', {x, y, width, height: NODE.height, rx: 5, class: 'node'}, parent);
    const bar = make('rect', {x, y, width: 5, height: NODE.height, rx: 2}, parent);
    const title = make('text', {x: x + 12, y: y + 16, class: 'name'}, parent);
    title.textContent = fitting(name, width - 14);
    const detail = make('text', {x: x + 12, y: y + 31, class: 'detail'}, parent);
    const hint = make('title', {}, parent);
    return {box, bar, detail, hint, width};
  }

  // What leads to the backend's row.
  #addLink(key) {
    const link = make('a', {href: '#backends'}, this.root);
    link.dataset.key = key;
    link.addEventListener('click', (event) => {
      event.preventDefault();
      this.choose(key);
    });
    return link;
  }

  // Each as near to the middle of its pools as the others let it; where the last one ends.
  #addListeners(listeners, width) {
    const centres = (one) => one.pools.map((pool) => this.pools.get(pool)?.centre).filter((centre) => centre !== undefined);
    const wanted = listeners.map((one) => {
      const each = centres(one);
      return {one, centre: each.length === 0 ? 0 : each.reduce((sum, centre) => sum + centre, 0) / each.length};
    }).sort((a, b) => a.centre - b.centre);
    // Those that want the same place share it evenly.
    const step = NODE.height + NODE.blockGap / 2;
    let end = 2;
    wanted.forEach(({one, centre}, at) => {
      const alike = wanted.filter((other) => other.centre === centre);
      const shift = (wanted.indexOf(alike[0]) - at) * step + (alike.length - 1) * step / 2;
      const top = Math.max(end, centre - shift - NODE.height / 2);
      this.listeners.set(one.name, {...this.#addNode(0, top, width, one.name), right: width, centre: top + NODE.height / 2});
      end = top + step;
    });
    return end + NODE.blockGap / 2;
  }

  #heightOfNodes(pool) { return Math.max(1, pool.backends.length) * (NODE.height + NODE.gap) - NODE.gap; }

  #addNodes(pool, x, top, width) {
    pool.backends.forEach((backend, index) => {
      const key = keyOf(pool.name, backend);
      const y = top + index * (NODE.height + NODE.gap);
      const node = this.#addNode(x, y, width, backend.name, this.#addLink(key));
      this.backends.set(key, {...node, left: x, centre: y + NODE.height / 2});
    });
  }

  #cellsOf(pool, width) {
    const blocks = CELLS.map(([size, gap]) => {
      const across = Math.max(1, Math.floor((width + gap) / (size + gap)));
      return {size, step: size + gap, across, height: Math.ceil(pool.backends.length / across) * (size + gap) - gap};
    });
    return blocks.find((block) => block.height <= MOST_BLOCK) ?? blocks.at(-1);
  }

  #addCells(pool, x, top, width) {
    const {size, step, across, height} = this.#cellsOf(pool, width);
    pool.backends.forEach((backend, index) => {
      const link = this.#addLink(keyOf(pool.name, backend));
      // One way in for the keyboard is enough for hundreds: the table.
      link.setAttribute('tabindex', '-1');
      const cell = make('rect', {x: x + (index % across) * step, y: top + Math.floor(index / across) * step,
                                 width: size, height: size, rx: 2}, link);
      this.backends.set(keyOf(pool.name, backend), {cell, hint: make('title', {}, link)});
    });
    this.backends.set(`block ${pool.name}`, {left: x, centre: top + height / 2});
  }

  #update(reading, flows, text) {
    const most = Math.max(0, ...flows.edges.map((edge) => edge.rate ?? 0), ...reading.pools.map((one) => flows.ofPool(one) ?? 0));
    const seen = new Set();
    const draw = (key, from, to, rate, health) => {
      seen.add(key);
      this.#draw(key, from, to, rate === null ? null : most > 0 ? rate / most : 0, health);
    };
    for (const one of reading.listeners) {
      const node = this.listeners.get(one.name);
      set(node.bar, 'class', 'bar');
      write(node.detail, fittingParts([text(flows.ofListener(one)), one.addresses[0] ?? ''], node.width - 14));
      write(node.hint, `listener ${one.name}: ${one.addresses.join(', ')}; ${plural(one.sessions_open, 'session', 'sessions')} open`);
    }
    const pools = new Map(reading.pools.map((pool) => [pool.name, pool]));
    for (const {listener, pool, rate} of flows.edges) {
      const to = this.pools.get(pool);
      if (to !== undefined) draw(`${listener} to ${pool}`, this.listeners.get(listener), to, rate, poolHealth(pools.get(pool)));
    }
    for (const {from, to, rate} of flows.fallbacks) {
      draw(`${from} falls back to ${to}`, this.#beside(from), this.#beside(to), rate === 0 ? null : rate, poolHealth(pools.get(to)));
    }
    for (const pool of reading.pools) this.#updatePool(pool, flows, text, draw);
    for (const [key, line] of this.edges) {
      if (seen.has(key)) continue;
      line.remove();
      this.edges.delete(key);
    }
  }

  // Where a line from pool to pool begins and ends, behind their boxes.
  #beside(name) {
    const {right, centre} = this.pools.get(name);
    return {left: right - 24, right: right - 24, centre};
  }

  #updatePool(pool, flows, text, draw) {
    const rate = flows.ofPool(pool);
    const node = this.pools.get(pool.name);
    set(node.bar, 'class', `bar state-${poolHealth(pool)}`);
    write(node.detail, fittingParts([text(rate), `${pool.healthy}/${membersOf(pool).length} up`], node.width - 14));
    const others = pool.fallback_pool === null ? '' : `; falls back to ${pool.fallback_pool}`;
    write(node.hint, `pool ${pool.name}: ${pool.healthy} of ${membersOf(pool).length} backends up` +
                     (pool.panic ? ', panic: all are used' : '') + (pool.waiting > 0 ? `; ${count(pool.waiting)} wait for a place` : '') + others);
    const block = this.backends.get(`block ${pool.name}`);
    if (block !== undefined) draw(`pool ${pool.name}`, node, block, rate, poolHealth(pool));
    for (const backend of pool.backends) {
      const key = keyOf(pool.name, backend);
      const shown = this.backends.get(key);
      const amount = flows.ofBackend(pool, backend);
      const health = healthOf(backend);
      const state = stateText(backend);
      write(shown.hint, `${backend.name}: ${state}, ${text(amount)}` +
                        (backend.state_reason ? `: ${backend.state_reason}` : ''));
      if (shown.cell !== undefined) {
        set(shown.cell, 'class', `cell state-${health}`);
        continue;
      }
      set(shown.bar, 'class', `bar state-${health}`);
      write(shown.detail, fittingParts(health === 'up' ? [text(amount), state] : [state, text(amount)], shown.width - 14));
      draw(`pool ${pool.name} to ${key}`, node, shown, amount, health);
    }
  }

  #draw(key, from, to, part, health) {
    if (!this.edges.has(key)) {
      const bend = (to.left - from.right) / 2;
      this.edges.set(key, make('path', {d: `M${from.right} ${from.centre} C${from.right + bend} ${from.centre} ${to.left - bend} ` +
                                           `${to.centre} ${to.left} ${to.centre}`}, this.lines));
    }
    const line = this.edges.get(key);
    set(line, 'class', `edge state-${health}${part === null ? ' is-unknown' : ''}`);
    set(line, 'stroke-width', (1 + (THICKEST - 1) * (part ?? 0)).toFixed(2));
  }
}
