// A table that is kept in place while its numbers change: rows stay the same elements, so that what has the keyboard keeps
// it. A column is {title, text(row)} or {title, element(row, cell)}, and `value(row)` where it can be sorted by.
const ROWS_A_PAGE = 25;

function element(name, properties = {}) { return Object.assign(document.createElement(name), properties); }

function compare(a, b) {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), 'en', {numeric: true});
}

export class Table {
  constructor(place, {caption, columns, keyOf, empty, sort = null, isDescending = false}) {
    Object.assign(this, {columns, keyOf, empty, sort, isDescending, rows: [], page: 0, elements: new Map(), places: new Map()});
    this.table = element('table');
    this.table.append(element('caption', {textContent: caption, className: 'unseen'}));
    this.head = this.table.createTHead().insertRow();
    this.headers = columns.map((column, index) => this.#header(column, index));
    this.body = this.table.createTBody();
    this.none = element('p', {className: 'quiet', textContent: '…'});
    this.pages = element('p', {className: 'pages'});
    this.back = element('button', {type: 'button', textContent: 'Back', onclick: () => this.#turn(-1)});
    this.next = element('button', {type: 'button', textContent: 'Next', onclick: () => this.#turn(1)});
    this.where = element('span');
    this.pages.append(this.back, this.where, this.next);
    const frame = element('div', {className: 'scroll'});
    frame.tabIndex = 0; // what scrolls must be reached by the keyboard
    frame.setAttribute('role', 'region');
    frame.setAttribute('aria-label', caption);
    frame.append(this.table);
    place.append(frame, this.none, this.pages);
    this.#draw();
  }

  show(rows) {
    this.rows = rows;
    this.none.textContent = this.empty;
    this.#draw();
  }

  // Turns to the row of that key, if it is there.
  find(key) {
    const at = this.#sorted().findIndex((row) => this.keyOf(row) === key);
    if (at < 0) return null;
    this.page = Math.floor(at / ROWS_A_PAGE);
    this.#draw();
    return this.elements.get(key) ?? null;
  }

  #header(column, index) {
    const cell = element('th', {scope: 'col', className: column.className ?? ''});
    if (column.value === undefined) {
      cell.textContent = column.title;
    } else {
      const button = element('button', {type: 'button', textContent: column.title, onclick: () => this.#sortBy(index)});
      cell.append(button);
    }
    this.head.append(cell);
    return cell;
  }

  #sortBy(index) {
    // A number is most wanted from the largest on.
    this.isDescending = this.sort === index ? !this.isDescending : Boolean(this.columns[index].isNumber);
    this.sort = index;
    this.page = 0;
    this.#draw();
  }

  #turn(by) {
    this.page += by;
    this.#draw();
    if (this.page === 0) this.next.focus();
    else if (this.next.disabled) this.back.focus();
  }

  // While somebody points at a row or has the keyboard in one, rows keep their places.
  #sorted() {
    if (this.sort === null) return this.rows;
    const isHeld = this.body.matches(':hover') || this.body.contains(document.activeElement);
    const {value} = this.columns[this.sort];
    const sign = this.isDescending ? -1 : 1;
    const place = (row) => (isHeld ? this.places.get(this.keyOf(row)) ?? Infinity : 0);
    const sorted = [...this.rows].sort((a, b) => compare(place(a), place(b)) || sign * compare(value(a), value(b)) ||
                                                compare(this.keyOf(a), this.keyOf(b)));
    this.places = new Map(sorted.map((row, at) => [this.keyOf(row), at]));
    return sorted;
  }

  #draw() {
    const pages = Math.max(1, Math.ceil(this.rows.length / ROWS_A_PAGE));
    this.page = Math.min(Math.max(0, this.page), pages - 1);
    const shown = this.#sorted().slice(this.page * ROWS_A_PAGE, (this.page + 1) * ROWS_A_PAGE);
    this.#place(shown);
    this.headers.forEach((cell, index) => {
      if (this.columns[index].value === undefined) return;
      cell.setAttribute('aria-sort', this.sort !== index ? 'none' : this.isDescending ? 'descending' : 'ascending');
    });
    this.none.hidden = this.rows.length > 0;
    this.table.hidden = this.rows.length === 0;
    this.pages.hidden = pages === 1;
    this.where.textContent = ` ${this.page * ROWS_A_PAGE + 1} to ${this.page * ROWS_A_PAGE + shown.length} of ${this.rows.length} `;
    this.back.disabled = this.page === 0;
    this.next.disabled = this.page === pages - 1;
  }

  #place(shown) {
    const focused = document.activeElement;
    const keys = new Set(shown.map(this.keyOf));
    for (const [key, row] of this.elements) {
      if (keys.has(key)) continue;
      row.remove();
      this.elements.delete(key);
    }
    shown.forEach((row, at) => {
      const key = this.keyOf(row);
      if (!this.elements.has(key)) this.elements.set(key, this.#newRow());
      const line = this.elements.get(key);
      // Moving an element takes the keyboard from it, so only those move that stand elsewhere.
      if (this.body.rows[at] !== line) this.body.insertBefore(line, this.body.rows[at] ?? null);
      this.columns.forEach((column, index) => {
        const cell = line.cells[index];
        if (column.element !== undefined) {
          column.element(row, cell);
        } else {
          const text = column.text(row);
          if (cell.textContent !== text) cell.textContent = text;
        }
      });
    });
    if (focused !== document.activeElement && this.body.contains(focused)) focused.focus({preventScroll: true});
  }

  #newRow() {
    const row = element('tr');
    for (const column of this.columns) row.append(element('td', {className: column.className ?? ''}));
    return row;
  }
}
