// @ts-check
// One stream of the wall: a picture in its smallest size without sound, or in full with sound.

import { make } from '../lib/dom.js';
import { language } from '../lib/i18n.js';
import { icon } from '../lib/icons.js';
import { t } from '../text/wall.js';
import { WhepVideo } from '../whep-video.js';
import { address } from './site.js';

/** @typedef {import('../lib/feed.js').Stream} Stream */

/** The states in which a stream has something to show. */
const showing = ['live', 'standby', 'fallback', 'stalled'];

/** @param {Stream | undefined} stream */
export const canBeWatched = (stream) => stream !== undefined && (stream.live || showing.includes(stream.state ?? ''));

/**
 * The name of the smallest encoding, where there are several. Pure.
 * @param {Stream} stream
 * @returns {string | undefined}
 */
export function smallest({ tracks = [] }) {
  const encodings = tracks.filter((track) => track.kind === 'video' && track.rid);
  const size = (/** @type {import('../lib/feed.js').Track} */ track) => track.height || track.bitrate || Infinity;
  encodings.sort((a, b) => size(a) - size(b));
  return encodings.length > 1 ? encodings[0].rid : undefined;
}

export class Tile {
  #name;
  #button;
  #away;
  #player = new WhepVideo();
  /** @type {string | undefined} the encoding that is small */
  #small;
  #large = false;

  element;

  /** @param {string} name @param {() => void} enlarge */
  constructor(name, enlarge) {
    this.#name = name;
    this.#button = make('button', { type: 'button', class: 'enlarge' });
    this.#button.addEventListener('click', enlarge);
    this.#away = make('p', { class: 'away' }, t('away'));
    this.element = make('li', { class: 'tile-of', 'data-stream': name },
      this.#away, this.#button, make('p', { class: 'caption', title: name }, name));
    this.#player.setAttribute('muted', '');
    this.#player.setAttribute('lang', language);
    // A browser opens six connections to one server: the wall follows all streams by one.
    this.#player.setAttribute('events', 'off');
    this.#label();
  }

  get large() {
    return this.#large;
  }

  set large(large) {
    this.#large = large;
    this.element.classList.toggle('large', large);
    this.#player.toggleAttribute('controls', large);
    this.#player.muted = !large;
    this.#player.choose(large ? undefined : this.#small);
    this.#label();
  }

  /**
   * @param {Stream | undefined} stream undefined when the server has none of this name
   * @param {string} token
   */
  update(stream, token) {
    const there = canBeWatched(stream);
    this.#away.hidden = there;
    if (stream && there) {
      this.#small = smallest(stream);
      if (!this.#player.isConnected) {
        this.#player.token = token;
        this.#player.src = address('whep', this.#name);
        this.element.prepend(this.#player);
        this.#player.play();
      }
      this.#player.choose(this.#large ? undefined : this.#small);
    } else if (this.#player.isConnected) {
      this.#player.remove(); // which ends its session
    }
  }

  focus() {
    this.#button.focus();
  }

  #label() {
    const text = this.#large ? t('shrink') : t('enlarge', { name: this.#name });
    this.#button.title = text;
    this.#button.setAttribute('aria-label', text);
    this.#button.replaceChildren(...(this.#large ? [icon('close')] : []));
  }
}
