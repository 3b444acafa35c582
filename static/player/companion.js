// @ts-check
// Keeps known how a stream of a Porthole server is: whether its camera is there, whether
// another one stands in for it, how many watch. By asking now and then: WHEP's own events
// tell the rest at once, and browsers keep few connections to one server.

import { aboutStream } from './porthole.js';

/** @typedef {import('./porthole.js').About} About */

/** How often it is asked while the picture plays, ms: many may watch. */
const PLAYING = 20_000;

/** After a hint that something has changed, all who watch ask within so long, ms. */
const SPREAD = 2_000;

/** How often while somebody waits for the picture, ms. */
const WAITING = 2_000;

export class Companion {
  #tell;
  #ask;
  #random;
  /** @type {{ stream: string, token?: string } | undefined} */
  #source;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {'none' | 'playing' | 'waiting'} */
  #pace = 'none';
  /** Answers to earlier questions are not told. */
  #turn = 0;

  /**
   * @param {(about: About | undefined) => void} tell undefined: nothing is known
   * @param {typeof aboutStream} [ask] for tests
   * @param {() => number} [random] for tests
   */
  constructor(tell, ask = aboutStream, random = Math.random) {
    this.#tell = tell;
    this.#ask = ask;
    this.#random = random;
  }

  /** @param {string} stream @param {string} [token] */
  start(stream, token) {
    this.stop();
    this.#source = { stream, token };
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#source = undefined;
    this.#pace = 'none';
    this.#turn += 1;
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
    if (pace !== 'none') this.#question();
  }

  /** The stream's events say that something is different now. */
  hint() {
    if (this.#pace !== 'playing') return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#question(), this.#random() * SPREAD);
  }

  async #question() {
    const source = this.#source;
    if (!source || this.#pace === 'none') return;
    this.#turn += 1;
    const turn = this.#turn;
    if (typeof document === 'undefined' || !document.hidden) {
      const about = await this.#ask(source.stream, source.token, this.#pace === 'playing');
      if (turn !== this.#turn) return;
      this.#tell(about);
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#question(), this.#pace === 'playing' ? PLAYING * (0.75 + this.#random() / 2) : WAITING);
  }
}
