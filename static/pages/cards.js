// @ts-check
// The cards of the home page. A card is changed in place as long as its stream is in
// the list, so that the keyboard's focus and a finger on it stay where they are.

import { copyButton, make } from '../lib/dom.js';
import { duration, media } from '../lib/format.js';
import { frameLine } from './guide.js';
import { language } from '../lib/i18n.js';
import { icon } from '../lib/icons.js';
import { inThisLanguage } from './language.js';
import { Pictures } from './pictures.js';
import { address } from './site.js';
import { t } from '../text/home.js';
import { words } from '../text/states.js';
import { Warnings } from './warnings.js';

/** @typedef {import('../lib/feed.js').Stream} Stream */

export class Cards {
  /** @type {Map<string, Card>} by stream name */
  #cards = new Map();
  #list;
  #pictures = new Pictures();

  /** @param {HTMLElement} list */
  constructor(list) {
    this.#list = list;
  }

  /** @param {Stream[]} streams @param {string} token that shows their pictures */
  show(streams, token) {
    const before = this.#cards;
    this.#cards = new Map();
    this.#pictures.token = token;
    for (const stream of streams) {
      const card = before.get(stream.name) ?? new Card(stream.name);
      before.delete(stream.name);
      card.update(stream);
      this.#cards.set(stream.name, card);
      this.#pictures.follow(card.tile, stream);
    }
    for (const gone of before.values()) {
      this.#pictures.leave(gone.tile);
      gone.element.remove();
    }
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
  #age = make('span', { class: 'pill age' });
  #media = make('p', {});
  #uptime = make('p', {});
  #warnings = new Warnings();
  #link;
  /** @type {Stream | undefined} */
  #stream;
  /** @type {number | undefined} when the picture was taken, ms since the epoch */
  #taken;

  /** @param {string} name */
  constructor(name) {
    this.#link = make('a', { href: inThisLanguage(address('watch', name)), title: name }, name);
    this.tile = make('div', { class: 'tile', 'aria-hidden': 'true' }, icon('play'), this.#badge, this.#count, this.#age);
    this.tile.addEventListener('picture', (event) => {
      this.#taken = /** @type {CustomEvent<number | undefined>} */ (event).detail;
      this.tick();
    });
    this.element = make('li', { class: 'card stream' },
      this.tile,
      make('div', { class: 'about' }, make('h2', {}, this.#link), this.#media, this.#uptime, this.#warnings.element),
      make('div', { class: 'tools' },
        copyButton(t('copyLink'), () => address('watch', name)),
        copyButton(t('copyWHEP'), () => address('whep', name)),
        copyButton(t('copyEmbed'), () => frameLine(name))));
  }

  /** @param {Stream} stream */
  update(stream) {
    this.#stream = stream;
    const viewers = stream.viewers ?? 0;
    const { badge, about } = wordsOf(stream);
    this.element.dataset.state = stateOf(stream);
    this.#badge.classList.toggle('on-air', stateOf(stream) === 'live');
    this.#badge.textContent = badge;
    this.#count.textContent = t('watching', { n: viewers });
    this.#count.hidden = viewers === 0;
    this.#media.textContent = about;
    this.#warnings.update(stream.warnings);
    this.tick();
  }

  tick() {
    const { live, since, source, viewers = 0 } = this.#stream ?? {};
    const started = Date.parse(since ?? '');
    const parts = [];
    if (live && !Number.isNaN(started)) parts.push(t('liveFor', { time: duration(Math.max(0, Date.now() - started)) }));
    const off = this.#stream && isOff(this.#stream) ? sourceWords(this.#stream) : '';
    if (off) parts.push(off);
    else if (source === 'camera') parts.push(t('fromCamera'));
    else if (source === 'pattern') parts.push(t('fromPattern'));
    else if (source === 'slate') parts.push(t('fromSlate'));
    const text = capitalised(parts.join(' · '));
    if (this.#uptime.textContent !== text) this.#uptime.textContent = text;
    const old = this.#stream !== undefined && !live && this.#taken !== undefined;
    this.#age.hidden = !old;
    this.#age.textContent = old ? t('pictureAge', { time: duration(Math.max(0, Date.now() - (this.#taken ?? 0))) }) : '';
    // What the tile shows is hidden from readers: the link says it to them.
    const said = [this.#badge.textContent, viewers > 0 ? t('watching', { n: viewers }) : '', this.#age.textContent].filter(Boolean);
    this.#link.setAttribute('aria-description', said.join(', '));
  }
}

/** @param {Stream} stream @returns {'live' | 'waiting' | 'standby' | 'fallback' | 'stalled'} */
function stateOf({ state, live }) {
  if (state === 'standby' || state === 'fallback' || state === 'stalled') return state;
  return live ? 'live' : 'waiting';
}

/** @param {string} text */
function capitalised(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Whether a source is off and nothing else is the matter with it. @param {Stream} stream */
function isOff({ sourceState = '' }) {
  return sourceState === '' || / off while nobody watches$/.test(sourceState);
}

/** How a source of the server is, in words. @param {Stream} stream */
function sourceWords({ sourceState }) {
  return sourceState ? words([language]).sources(sourceState).replace(/[.。]$/, '') : '';
}

/** @param {Stream} stream */
function wordsOf(stream) {
  const source = sourceWords(stream);
  switch (stateOf(stream)) {
    case 'live': return { badge: t('live'), about: media(stream.tracks ?? []) };
    case 'standby': return { badge: t('standby'), about: isOff(stream) ? t('cardStandby') : source };
    case 'fallback': return { badge: t('away'), about: t('cardFallback', { name: stream.fallback ?? '' }) };
    case 'stalled': return { badge: t('stalled'), about: source };
    case 'waiting': {
      const coming = stream.since !== undefined;
      return { badge: t(coming ? 'waiting' : 'away'), about: source || t(coming ? 'cardWaiting' : 'cardAway') };
    }
  }
}
