// @ts-check
// The list of keys, over the picture.

import { icon } from '../lib/icons.js';
import { button, label, part, setText } from './parts.js';

/** @typedef {import('./controls.js').Say} Say */

/** What is pressed, and what for. Names of keys are the same in every language. */
const keys = /** @type {const} */ ([
  ['Space  K', 'keyPlay'], ['M', 'keyMute'], ['↑  ↓', 'keyVolume'], ['F', 'keyFullscreen'], ['P', 'pip'],
  ['I', 'statistics'], ['S', 'snapshot'], ['?', 'keys'],
]);

export class KeysPanel {
  #title = part('h2', 'stats-title');
  #close = button('stats-close');
  /** @type {{ meaning: HTMLElement, text: typeof keys[number][1] }[]} */
  #rows = [];

  element = part('section', 'stats keys');

  constructor() {
    const list = part('dl', 'stats-list');
    for (const [pressed, text] of keys) {
      const names = pressed.split(/\s+/).map((key) => part('kbd', 'key', key));
      const meaning = part('dd', 'stats-cell');
      list.append(part('dt', 'stats-name', ...names), meaning);
      this.#rows.push({ meaning, text });
    }
    this.#close.addEventListener('click', () => { this.shown = false; });
    this.element.append(part('header', 'stats-head', this.#title, this.#close), list);
    this.element.hidden = true;
  }

  /** @param {Say} say */
  set say(say) {
    setText(this.#title, say('keys'));
    this.element.setAttribute('aria-label', say('keys'));
    label(this.#close, say('close'), icon('close'));
    for (const { meaning, text } of this.#rows) setText(meaning, say(text));
  }

  get shown() {
    return !this.element.hidden;
  }

  set shown(shown) {
    this.element.hidden = !shown;
  }
}
