// @ts-check
// Keeps known how a stream of a Porthole server is: whether its camera is there, whether
// another one stands in for it, how many watch. By asking now and then: WHEP's own events
// tell the rest at once, and browsers keep few connections to one server.

import { aboutStream } from './porthole.js';

/** @typedef {import('./porthole.js').About} About */

/** How often it is asked while the picture plays, ms. */
const PLAYING = 6_000;

/** How often while somebody waits for the picture, ms. */
const WAITING = 2_000;

export class Companion {
  #tell;
  #ask;
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
   */
  constructor(tell, ask = aboutStream) {
    this.#tell = tell;
    this.#ask = ask;
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

  async #question() {
    const source = this.#source;
    if (!source || this.#pace === 'none') return;
    this.#turn += 1;
    const turn = this.#turn;
    if (typeof document === 'undefined' || !document.hidden) {
      const about = await this.#ask(source.stream, source.token);
      if (turn !== this.#turn) return;
      this.#tell(about);
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#question(), this.#pace === 'playing' ? PLAYING : WAITING);
  }
}
