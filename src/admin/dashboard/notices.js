// What the page has to say: how Weir stands where that is out of the ordinary, and what has come of a change.
const SHOWN_MS = 8000;

export class Notices {
  constructor(place) {
    this.place = place;
    this.standing = new Map();
  }

  // Stays until it is said again with a text of null.
  set(name, text, isBad = true) {
    const line = this.standing.get(name);
    if (text === null) {
      line?.remove();
      this.standing.delete(name);
    } else if (line !== undefined) {
      if (line.textContent !== text) line.textContent = text;
    } else {
      this.standing.set(name, this.#add(text, isBad));
    }
  }

  // Goes by itself.
  tell(text, isBad = false) {
    const line = this.#add(text, isBad);
    setTimeout(() => line.remove(), SHOWN_MS);
  }

  #add(text, isBad) {
    const line = document.createElement('li');
    line.textContent = text;
    line.className = isBad ? 'notice is-bad' : 'notice';
    this.place.append(line);
    return line;
  }
}
