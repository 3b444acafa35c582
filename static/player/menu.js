// @ts-check
// The menu of the player: quality, statistics, a picture to keep. It opens above its
// button, is walked with the arrow keys, and closes with Escape or a click elsewhere.

import { icon } from '../lib/icons.js';
import { button, part } from './parts.js';

/**
 * @typedef {object} Item
 * @property {string} text
 * @property {boolean} [checked] undefined: it is a command and no choice
 * @property {boolean} [radio] one of several, of which one is checked
 * @property {() => void} act
 *
 * @typedef {object} Group
 * @property {string} [title]
 * @property {Item[]} items
 */

export class Menu {
  #groups;
  #opener;

  /** The menu itself, to be put into the page once. */
  element = part('div', 'menu');

  /**
   * @param {HTMLButtonElement} opener
   * @param {() => Group[]} groups asked when it opens, and after a choice
   */
  constructor(opener, groups) {
    this.#opener = opener;
    this.#groups = groups;
    this.element.hidden = true;
    this.element.setAttribute('role', 'menu');
    opener.setAttribute('aria-haspopup', 'menu');
    opener.setAttribute('aria-expanded', 'false');
  }

  /** @param {AbortSignal} signal ends the listeners */
  connect(signal) {
    this.#opener.addEventListener('click', () => (this.isOpen ? this.close() : this.#open()), { signal });
    this.element.addEventListener('keydown', (event) => this.#key(event), { signal });
    // The first element of the path, because a click in a shadow is told as one on its host.
    window.addEventListener('pointerdown', (event) => {
      const path = event.composedPath();
      if (!path.includes(this.element) && !path.includes(this.#opener)) this.close();
    }, { signal });
    signal.addEventListener('abort', () => this.close(), { once: true });
  }

  get isOpen() {
    return !this.element.hidden;
  }

  close() {
    if (!this.isOpen) return;
    const inside = this.element.matches(':focus-within');
    this.element.hidden = true;
    this.#opener.setAttribute('aria-expanded', 'false');
    if (inside) this.#opener.focus();
  }

  /** Says again what can be chosen, if it is open. */
  refresh() {
    if (!this.isOpen) return;
    const at = this.#items().findIndex((item) => item.matches(':focus'));
    this.#fill();
    if (at >= 0) this.#items()[at]?.focus();
  }

  #open() {
    this.#fill();
    this.element.hidden = false;
    this.#opener.setAttribute('aria-expanded', 'true');
    this.#items()[0]?.focus();
  }

  #fill() {
    this.element.replaceChildren(...this.#groups().map(({ title, items }) => {
      const group = part('div', 'group');
      group.setAttribute('role', 'group');
      if (title) {
        group.setAttribute('aria-label', title);
        group.append(part('p', 'group-title', title));
      }
      group.append(...items.map((item) => this.#item(item)));
      return group;
    }));
  }

  /** @param {Item} item */
  #item({ text, checked, radio, act }) {
    const element = button('item', part('span', 'tick', ...(checked ? [icon('check')] : [])), text);
    element.tabIndex = -1;
    element.setAttribute('role', checked === undefined ? 'menuitem' : radio ? 'menuitemradio' : 'menuitemcheckbox');
    if (checked !== undefined) element.setAttribute('aria-checked', String(checked));
    element.addEventListener('click', () => {
      act();
      this.close();
    });
    return element;
  }

  /** @returns {HTMLButtonElement[]} */
  #items() {
    return [...this.element.querySelectorAll('button')];
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const items = this.#items();
    const at = items.findIndex((item) => item.matches(':focus'));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (to !== undefined) items.at(to % items.length)?.focus();
    else if (event.key === 'Escape' || event.key === 'Tab') this.close();
    else if (event.key !== 'Enter' && event.key !== ' ') return;
    event.stopPropagation();
    if (to !== undefined || event.key === 'Escape') event.preventDefault();
  }
}
