// @ts-check
// A list of what of a stream hurts viewers. Each is one line that opens to what is noticed
// and what to change.

import { make } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { wordsOn } from '../text/warnings.js';

/** @typedef {import('../text/warnings.js').Warning} Warning */

export class Warnings {
  element = make('ul', { class: 'warnings' });
  #open;
  #told = '[]';

  /** @param {{ open?: boolean }} [options] open: as they come, not when somebody opens them */
  constructor({ open = false } = {}) {
    this.#open = open;
    this.element.hidden = true;
  }

  /** @param {Warning[]} [warnings] none hide the list */
  update(warnings = []) {
    const text = JSON.stringify(warnings);
    if (text === this.#told) return;
    this.#told = text;
    this.element.hidden = warnings.length === 0;
    // What somebody reads stays open, and keeps the keyboard's focus.
    /** @type {Map<string | undefined, HTMLLIElement>} */
    const before = new Map([...this.element.querySelectorAll('li')].map((item) => [item.dataset.key, item]));
    this.element.replaceChildren(...warnings.map((warning) => {
      const key = `${warning.code} ${warning.rid ?? ''}`;
      return fill(before.get(key) ?? item(key, this.#open), warning);
    }));
  }
}

/** @param {string} key @param {boolean} open */
function item(key, open) {
  const details = make('details', {}, make('summary', {}, icon('warning'), make('span', {})), make('p', {}), make('dl', {}));
  details.open = open;
  return make('li', { 'data-key': key }, details);
}

/** @param {HTMLLIElement} item @param {Warning} warning */
function fill(item, warning) {
  const { title, sentence, obs, ffmpeg, camera } = wordsOn(warning);
  write(item.querySelector('summary span'), title);
  write(item.querySelector('p'), sentence);
  const cures = camera ? [['Porthole', camera]] : [['OBS', obs], ['FFmpeg', ffmpeg]];
  item.querySelector('dl')?.replaceChildren(...cures.flatMap(([where, cure]) => [make('dt', {}, where), make('dd', {}, ...withOptions(cure))]));
  return item;
}

/** Options as they are typed: -g 60, repeat-headers=1. */
const option = /((?<!\w)-[\w:-]+(?: \w+)?|[a-z]+-[a-z]+(?:=\w+)?)/;

/**
 * A text whose options stand out, and are not broken at their dashes.
 * @param {string} text
 */
function withOptions(text) {
  return text.split(option).map((part, index) => (index % 2 ? make('code', {}, part) : part));
}

/** @param {Element | null} element @param {string} text */
function write(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}
