// @ts-check
// A small line of what was, for the statistics: the newest on the right.

/** How many values a line has: a minute of seconds. */
export const LENGTH = 60;

/**
 * The points of a polyline in a box of LENGTH - 1 by 100, from top to bottom. Pure.
 * @param {readonly (number | undefined)[]} values the newest last; undefined: not known
 * @param {number} max what is drawn at the top
 * @returns {string} as SVG wants it; '' when there are fewer than two values
 */
export function points(values, max) {
  const shown = values.slice(-LENGTH);
  const from = LENGTH - shown.length;
  const list = shown.flatMap((value, index) => {
    if (value === undefined) return [];
    const height = max > 0 ? Math.min(1, value / max) : 0;
    return [`${from + index},${(100 - 96 * height - 2).toFixed(1)}`];
  });
  return list.length < 2 ? '' : list.join(' ');
}

/**
 * A round number that is at least as large: 1, 2 or 5 and zeros. Pure.
 * @param {number} value
 */
export function ceiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5].find((step) => step * power >= value) ?? 10);
}

const svg = 'http://www.w3.org/2000/svg';

export class Graph {
  /** @type {(number | undefined)[]} */
  #values = [];
  #line = document.createElementNS(svg, 'polyline');
  #area = document.createElementNS(svg, 'polygon');

  element = document.createElementNS(svg, 'svg');

  /** @param {string} name of the part, and its class */
  constructor(name) {
    this.element.setAttribute('class', `graph ${name}`);
    this.element.setAttribute('part', `graph ${name}`);
    this.element.setAttribute('viewBox', `0 0 ${LENGTH - 1} 100`);
    this.element.setAttribute('preserveAspectRatio', 'none');
    this.element.setAttribute('aria-hidden', 'true');
    this.element.append(this.#area, this.#line);
  }

  /** @param {number | undefined} value */
  add(value) {
    this.#values.push(value);
    if (this.#values.length > LENGTH) this.#values.shift();
    const known = this.#values.filter((each) => each !== undefined);
    const line = points(this.#values, ceiling(Math.max(...known, 0)));
    this.#line.setAttribute('points', line);
    const first = line.split(',', 1)[0];
    this.#area.setAttribute('points', line ? `${first},100 ${line} ${LENGTH - 1},100` : '');
  }

  clear() {
    this.#values = [];
    this.#line.setAttribute('points', '');
    this.#area.setAttribute('points', '');
  }
}
