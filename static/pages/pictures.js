// @ts-check
// Pictures of streams for the cards of the home page: the server's snapshot where there
// is one, otherwise a picture drawn by this page, which plays the stream for a moment.

import { make } from '../lib/dom.js';
import { bearer } from '../lib/signaling.js';
import { address, root } from './site.js';
import { WhepSession } from '../player/whep.js';

/** @typedef {import('../lib/feed.js').Stream} Stream */

/** How often it is looked which picture is due, ms. */
const LOOK_EVERY = 500;

/** How old a picture may get, ms. */
const SNAPSHOT_EVERY = 5_000;

/** The same for one that costs a session: a viewer's place for a second. */
const DRAW_EVERY = 60_000;

/** The same for what a source that is off showed last: another one comes only when it has been on, which is told. */
const RESTING_EVERY = 600_000;

/** After a failure, ms. */
const RETRY_AFTER = 20_000;

/** How long a stream may take to show its first picture, ms. */
const DRAW_LIMIT = 8_000;

/** Pixels: a card is half as wide, on a screen of double resolution. */
const WIDTH = 640;

/**
 * @typedef {{ file: Blob, taken: number }} Picture taken: ms since the epoch
 *
 * @typedef {object} Place
 * @property {Stream} stream
 * @property {boolean} seen whether it is in view
 * @property {number} due when its next picture is, ms since the epoch
 * @property {HTMLImageElement} [image]
 */

/**
 * Keeps the pictures in view current, one after the other, while the tab is looked at. Looking turns nothing on: a source that
 * is off while nobody watches keeps the last picture that it showed. A tile gets an event "picture" when another one is
 * in it (CustomEvent of when that was taken, ms since the epoch; undefined: there is none).
 */
export class Pictures {
  token = '';
  /** @type {Map<Element, Place>} */
  #places = new Map();
  #busy = false;
  #view = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const place = this.#places.get(target);
      if (place) place.seen = isIntersecting;
    }
  });

  constructor() {
    setInterval(() => this.#look(), LOOK_EVERY);
  }

  /**
   * Shows the stream in the tile from now on.
   * @param {HTMLElement} tile
   * @param {Stream} stream
   */
  follow(tile, stream) {
    const place = this.#places.get(tile);
    if (!place) {
      this.#places.set(tile, { stream, seen: false, due: 0 });
      this.#view.observe(tile);
      return;
    }
    const began = place.stream.since !== stream.since || place.stream.live !== stream.live ||
      place.stream.fallback !== stream.fallback || place.stream.lastPicture !== stream.lastPicture;
    place.stream = stream;
    if (!began) return;
    place.due = 0;
    if (!hasPicture(stream)) this.#show(place, undefined, tile);
  }

  /** @param {HTMLElement} tile that has gone */
  leave(tile) {
    const place = this.#places.get(tile);
    if (place) this.#show(place, undefined, tile);
    this.#view.unobserve(tile);
    this.#places.delete(tile);
  }

  async #look() {
    if (this.#busy || document.hidden) return;
    const now = Date.now();
    const next = [...this.#places].find(([, { seen, due, stream }]) => seen && (stream.live || rests(stream)) && due <= now);
    if (!next) return;
    const [tile, place] = next;
    const { stream } = place;
    this.#busy = true;
    try {
      place.due = now + (rests(stream) ? RESTING_EVERY : stream.snapshot ? SNAPSHOT_EVERY : DRAW_EVERY);
      const picture = stream.snapshot ? await fetchSnapshot(stream, this.token) : await draw(stream.name, this.token);
      if (this.#places.get(tile) === place && hasPicture(place.stream)) this.#show(place, picture, tile);
    } catch {
      // A card without a picture shows that it can be played, which is as true.
      place.due = Date.now() + RETRY_AFTER;
    } finally {
      this.#busy = false;
    }
  }

  /**
   * @param {Place} place
   * @param {Picture | undefined} picture none: what there was is not true any more
   * @param {Element} tile
   */
  #show(place, picture, tile) {
    const { image } = place;
    tile.dispatchEvent(new CustomEvent('picture', { detail: picture?.taken }));
    if (!picture) {
      if (image) URL.revokeObjectURL(image.src);
      image?.remove();
      place.image = undefined;
      return;
    }
    const old = image?.src;
    place.image = image ?? make('img', { alt: '', class: 'shot' });
    place.image.src = URL.createObjectURL(picture.file);
    if (old) URL.revokeObjectURL(old);
    if (!image) tile.prepend(place.image);
  }
}

/**
 * Whether the source of a stream is off, and the server has what it showed last.
 * @param {Stream} stream
 */
function rests({ state, lastPicture }) {
  return state === 'standby' && lastPicture !== undefined;
}

/**
 * Whether a picture of the stream is true: it is live, or what was seen last of a source that is off.
 * @param {Stream} stream
 */
function hasPicture({ live, state }) {
  return live || state === 'standby';
}

/** @param {Stream} stream @param {string} token @returns {Promise<Picture>} */
async function fetchSnapshot({ name, lastPicture }, token) {
  const url = new URL(`snapshot/${encodeURIComponent(name)}.jpg?width=${WIDTH}&wake=0`, root);
  const response = await fetch(url, { headers: bearer(token), cache: 'no-cache' });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return { file: await response.blob(), taken: lastPicture ? Date.parse(lastPicture) : Date.now() };
}

/**
 * Plays the stream up to its first picture.
 * @param {string} stream
 * @param {string} token
 * @returns {Promise<Picture>}
 */
async function draw(stream, token) {
  const session = new WhepSession({ endpoint: address('whep', stream), token, iceServers: [] });
  const video = make('video', { muted: '', playsinline: '' });
  video.muted = true;
  video.srcObject = session.stream;
  try {
    const limit = AbortSignal.timeout(DRAW_LIMIT);
    const shown = new Promise((resolve, reject) => {
      video.addEventListener('timeupdate', () => { if (video.videoWidth > 0) resolve(undefined); });
      limit.addEventListener('abort', () => reject(limit.reason));
    });
    await Promise.all([session.open(limit).then(() => video.play()), shown]);
    const canvas = make('canvas', {});
    canvas.width = Math.min(WIDTH, video.videoWidth);
    canvas.height = Math.round((canvas.width * video.videoHeight) / video.videoWidth);
    canvas.getContext('2d')?.drawImage(video, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve, reject) => {
      const taken = Date.now();
      canvas.toBlob((file) => (file ? resolve({ file, taken }) : reject(new Error('no picture'))), 'image/jpeg', 0.8);
    });
  } finally {
    session.close();
    video.srcObject = null;
  }
}
