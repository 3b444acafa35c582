// @ts-check
// The cards of the home page. A card is changed in place as long as its stream is in
// the list, so that the keyboard's focus and a finger on it stay where they are.

import { copyButton, make } from './dom.js';
import { duration, media } from './format.js';
import { frameLine } from './guide.js';
import { icon } from './icons.js';
import { address } from './site.js';

/** @typedef {import('./feed.js').Stream} Stream */

export class Cards {
  /** @type {Map<string, Card>} by stream name */
  #cards = new Map();
  #list;

  /** @param {HTMLElement} list */
  constructor(list) {
    this.#list = list;
  }

  /** @param {Stream[]} streams */
  show(streams) {
    const before = this.#cards;
    this.#cards = new Map();
    for (const stream of streams) {
      const card = before.get(stream.name) ?? new Card(stream.name);
      before.delete(stream.name);
      card.update(stream);
      this.#cards.set(stream.name, card);
    }
    for (const gone of before.values()) gone.element.remove();
    [...this.#cards.values()].forEach(({ element }, index) => {
      if (this.#list.children[index] !== element) this.#list.insertBefore(element, this.#list.children[index] ?? null);
    });
  }

  /** Time has passed. */
  tick() {
    for (const card of this.#cards.values()) card.tick();
  }
}

class Card {
  #badge = make('span', { class: 'pill' });
  #count = make('span', { class: 'pill count' });
  #media = make('p', {});
  #uptime = make('p', {});
  /** @type {Stream | undefined} */
  #stream;

  /** @param {string} name */
  constructor(name) {
    const link = make('a', { href: address('watch', name), title: name }, name);
    this.element = make('li', { class: 'card stream' },
      make('div', { class: 'tile', 'aria-hidden': 'true' }, icon('play'), this.#badge, this.#count),
      make('div', { class: 'about' }, make('h2', {}, link), this.#media, this.#uptime),
      make('div', { class: 'tools' },
        copyButton('Copy WHEP URL', () => address('whep', name)),
        copyButton('Copy embed', () => frameLine(name))));
  }

  /** @param {Stream} stream */
  update(stream) {
    this.#stream = stream;
    const viewers = stream.viewers ?? 0;
    this.element.classList.toggle('away', !stream.live);
    this.#badge.classList.toggle('on-air', stream.live);
    this.#badge.textContent = stream.live ? 'Live' : 'Away';
    this.#count.textContent = `${viewers} watching`;
    this.#count.hidden = viewers === 0;
    this.#media.textContent = stream.live ? media(stream.tracks ?? []) : 'The publisher is away';
    this.tick();
  }

  tick() {
    const { live, since, source, viewers } = this.#stream ?? {};
    const started = Date.parse(since ?? '');
    const parts = [];
    if (live && !Number.isNaN(started)) parts.push(`Live for ${duration(Math.max(0, Date.now() - started))}`);
    if (source === 'camera') parts.push('camera of the server');
    if (source === 'pattern') parts.push('test picture');
    const text = parts.join(' · ');
    if (this.#uptime.textContent !== text) this.#uptime.textContent = text;
    // What the tile shows is hidden from readers: the link says it to them.
    this.element.querySelector('a')?.setAttribute('aria-description',
      `${live ? 'live' : 'away'}${viewers ? `, ${viewers} watching` : ''}`);
  }
}
