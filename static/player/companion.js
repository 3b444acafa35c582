// @ts-check
// Keeps known how a stream of a Porthole server is: whether its camera is there, whether
// another one stands in for it, how many watch. While it plays, by asking now and then:
// WHEP's own events tell the rest at once. While somebody waits for it, by the server's
// events, so that a stream that is not there is not asked for again and again.

import { Feed } from '../lib/feed.js';
import { aboutStream, allStreams } from './porthole.js';

/** @typedef {import('./porthole.js').About} About */
/** @typedef {import('../lib/feed.js').Stream} Stream */

/** How often it is asked while the picture plays, ms: many may watch. */
const PLAYING = 20_000;

/** After a hint that something has changed, all who watch ask within so long, ms. */
const SPREAD = 2_000;

/** How often a tab in the background looks whether a stream has come, ms. */
const BACKGROUND = 10_000;

/** When a stream begins, all who wait for it come within so long, ms. */
const RUSH = 400;

/** The states in which a stream has something to offer to who joins. */
const offering = ['live', 'standby', 'fallback', 'stalled'];

/**
 * @typedef {object} Listener
 * @property {(about: About | undefined, streams?: Stream[]) => void} tell undefined: nothing is
 *   known, or, with the list of all streams, there is none of this name
 * @property {() => void} there a stream that is waited for can be joined
 * @property {() => void} lost the server does not answer, or wants another token
 */

export class Companion {
  #listener;
  #ask;
  #list;
  #feed;
  #random;
  /** @type {{ stream: string, token?: string } | undefined} */
  #source;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {'none' | 'playing' | 'waiting'} */
  #pace = 'none';
  /** @type {ReturnType<typeof setTimeout> | undefined} until a stream that has come is joined */
  #rush;
  /** Answers to earlier questions are not told. */
  #turn = 0;
  #offered = false;

  /**
   * @param {Listener} listener
   * @param {{ ask?: typeof aboutStream, list?: typeof allStreams, feed?: Feed, random?: () => number }} [options] for tests
   */
  constructor(listener, { ask = aboutStream, list = allStreams, feed = new Feed(), random = Math.random } = {}) {
    this.#listener = listener;
    this.#ask = ask;
    this.#list = list;
    this.#feed = feed;
    this.#random = random;
    feed.addEventListener('streams', (event) => this.#heard(/** @type {CustomEvent<Stream[]>} */ (event).detail));
    for (const type of ['offline', 'unauthorized']) feed.addEventListener(type, () => listener.lost());
  }

  /** @param {string} stream @param {string} [token] */
  start(stream, token) {
    this.stop();
    this.#source = { stream, token };
  }

  stop() {
    this.pace = 'none';
    this.#source = undefined;
    this.#turn += 1;
  }

  /** True while the stream is known not to be there, or will soon be known: it is told
   * when that changes. */
  get absent() {
    return this.#source !== undefined && !this.#offered;
  }

  /**
   * What the player is doing. While it waits for a server that does not answer, or that
   * wants another token, there is nothing to ask.
   * @param {'none' | 'playing' | 'waiting'} pace
   */
  set pace(pace) {
    if (pace === this.#pace) return;
    this.#pace = pace;
    clearTimeout(this.#timer);
    clearTimeout(this.#rush);
    this.#feed.stop();
    this.#offered = false;
    if (pace === 'playing') this.#question();
    if (pace === 'waiting') this.#follow();
  }

  /** Somebody looks at the page, or nobody does any more. */
  visibilityChanged() {
    if (this.#pace !== 'waiting') return;
    clearTimeout(this.#timer);
    this.#feed.stop();
    this.#follow();
  }

  /** The stream's events say that something is different now. */
  hint() {
    if (this.#pace !== 'playing') return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#question(), this.#random() * SPREAD);
  }

  async #question() {
    const source = this.#source;
    if (!source || this.#pace !== 'playing') return;
    this.#turn += 1;
    const turn = this.#turn;
    if (!hidden()) {
      const about = await this.#ask(source.stream, source.token);
      if (turn !== this.#turn) return;
      this.#listener.tell(about);
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#question(), PLAYING * (0.75 + this.#random() / 2));
  }

  /** A browser opens few connections to one server: tabs in the background keep none. */
  #follow() {
    if (!this.#source) return;
    if (hidden()) this.#timer = setTimeout(() => this.#look(), BACKGROUND);
    else this.#feed.start(this.#source.token ?? '');
  }

  async #look() {
    this.#turn += 1;
    const turn = this.#turn;
    const streams = await this.#list(this.#source?.token);
    if (turn !== this.#turn || this.#pace !== 'waiting' || !hidden()) return;
    this.#follow();
    if (streams) this.#heard(streams);
  }

  /** @param {Stream[]} streams */
  #heard(streams) {
    const about = streams.find(({ name }) => name === this.#source?.stream);
    this.#listener.tell(about, streams);
    const offered = about !== undefined && (about.live || offering.includes(about.state ?? ''));
    if (offered && !this.#offered) {
      clearTimeout(this.#rush);
      this.#rush = setTimeout(() => this.#listener.there(), this.#random() * RUSH);
    }
    this.#offered = offered;
  }
}

function hidden() {
  return typeof document !== 'undefined' && document.hidden;
}
