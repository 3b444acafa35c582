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
  #playing = false;
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
    this.#turn += 1;
  }

  /**
   * The player's state has changed.
   * @param {'idle' | 'playing' | 'waiting' | 'away'} doing away: the server does not answer,
   *   or not to us, and there is nothing to ask
   */
  set doing(doing) {
    clearTimeout(this.#timer);
    this.#playing = doing === 'playing';
    if (!this.#source || doing === 'idle' || doing === 'away') return;
    this.#question();
  }

  async #question() {
    const source = this.#source;
    if (!source) return;
    this.#turn += 1;
    const turn = this.#turn;
    if (typeof document === 'undefined' || !document.hidden) {
      const about = await this.#ask(source.stream, source.token);
      if (turn !== this.#turn) return;
      this.#tell(about);
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#question(), this.#playing ? PLAYING : WAITING);
  }
}
