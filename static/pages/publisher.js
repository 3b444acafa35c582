// @ts-check
// Keeps a stream published: opens WHIP sessions, mends one that loses its path, and
// opens the next one when that does not help. It owns no devices and no page: it is
// given a MediaStream and says in events how it goes.

import { Backoff } from '../lib/backoff.js';
import { RefusedError } from '../lib/signaling.js';
import { SendingMeter } from '../lib/stats.js';
import { WhipSession } from '../lib/whip.js';

/** @typedef {import('../lib/whip.js').Quality} Quality */

/**
 * Why a connection has to be made again, as in states.js.
 * @typedef {'unreachable' | 'server' | 'path' | 'lost' | 'unusable'} Reason
 */

/**
 * - idle: not asked to publish
 * - connecting: the server is asked, or the media path is being made
 * - live
 * - mending: the path broke or the network changed, and another path is looked for
 * - reconnecting: the connection or the server was lost; retryAt tells when (ms since the epoch)
 * - busy: somebody else publishes this stream; asked again by itself
 * - stopped: by a refusal that asking again does not change
 * @typedef {object} PublishState
 * @property {'idle' | 'connecting' | 'live' | 'mending' | 'reconnecting' | 'busy' | 'stopped'} name
 * @property {Reason} [reason]
 * @property {number} [status] HTTP status of the refusal
 * @property {string} [detail] in the server's or the browser's words
 * @property {string} [code] of the server's diagnosis, for words in other languages
 * @property {number} [retryAt]
 */

/** How long a media path may take after the answer, ms. */
const PATH_LIMIT = 12_000;

/** An interruption that ends by itself within so long needs no restart; ms. */
const INTERRUPTION = 1_500;

/** How long another path may take to be found, however often it is looked for; ms. */
const MEND_LIMIT = 12_000;

/** Between two attempts to tell an unreachable server of another path, ms. */
const MEND_EVERY = 2_000;

/** How often a session is measured, ms. */
const MEASURE_EVERY = 1_000;

/** Between two questions whether a stream is free again, when the server names no time, ms. */
const POLL_BUSY = 3_000;

/** Events (CustomEvent): "state" with a PublishState, "stats" with SendingStats every second. */
export class Publisher extends EventTarget {
  #open;
  #diagnose;
  #backoff;
  /** @type {PublishState} */
  #state = { name: 'idle' };
  /** @type {{ endpoint: string, token?: string, stream: MediaStream, quality: Quality } | undefined} */
  #order;
  /** @type {RTCIceServer[]} */
  #iceServers = [];
  /** @type {WhipSession | undefined} */
  #session;
  #ending = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} the next attempt, or the end of patience */
  #timer;
  /** @type {ReturnType<typeof setTimeout> | undefined} until the path is mended */
  #mendTimer;
  /** @type {WhipSession | undefined} the session whose path is looked for */
  #restarting;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #measuring;

  /**
   * @param {object} [options]
   * @param {(session: string, token?: string) => Promise<{ detail?: string, code?: string }>} [options.diagnose]
   *   asks the server why a session has no connection
   * @param {(options: ConstructorParameters<typeof WhipSession>[0]) => WhipSession} [options.open] for tests
   * @param {() => number} [options.random] likewise
   */
  constructor({ diagnose = async () => ({}), open = (options) => new WhipSession(options), random = Math.random } = {}) {
    super();
    this.#open = open;
    this.#diagnose = diagnose;
    this.#backoff = new Backoff({ random });
  }

  /** @returns {PublishState} */
  get state() {
    return this.#state;
  }

  /** True from start to stop, whatever happens between. */
  get active() {
    return this.#order !== undefined;
  }

  /** @param {{ endpoint: string, token?: string, stream: MediaStream, quality: Quality }} order */
  start(order) {
    this.#end();
    this.#backoff.reset();
    this.#order = order;
    this.#begin();
  }

  /** Ends the session at the server too. A second call does nothing. */
  stop() {
    this.#end();
    this.#order = undefined;
    this.#setState({ name: 'idle' });
  }

  /**
   * Sends another stream from now on, without a new session when one is live.
   * @param {MediaStream} stream
   */
  async replace(stream) {
    if (!this.#order) return;
    this.#order = { ...this.#order, stream };
    await this.#session?.replace(stream);
  }

  /** @param {number} bitrate bit/s */
  async limit(bitrate) {
    if (!this.#order) return;
    this.#order = { ...this.#order, quality: { ...this.#order.quality, bitrate } };
    await this.#session?.limit(bitrate);
  }

  /** The network came back or is another one: a pending attempt starts now, and a live
   * session looks for its path anew. */
  wake() {
    if (!this.#order) return;
    if (!this.#session) this.#begin();
    else if (this.#state.name === 'live' || this.#state.name === 'mending') this.#mend(0);
  }

  async #begin() {
    if (!this.#order) return;
    this.#end();
    if (this.#state.name === 'busy' || this.#state.name === 'reconnecting') {
      this.#setState({ ...this.#state, retryAt: undefined });
    } else {
      this.#setState({ name: 'connecting' });
    }
    const ending = new AbortController();
    const { signal } = ending;
    this.#ending = ending;
    try {
      const session = this.#open({ ...this.#order, iceServers: this.#iceServers });
      this.#session = session;
      session.addEventListener('connected', () => this.#connected(session), { signal });
      session.addEventListener('interrupted', () => this.#mend(INTERRUPTION), { signal });
      session.addEventListener('broken', () => this.#broken(), { signal });
      session.addEventListener('lost', () => this.#lost(), { signal });
      await session.open(signal);
      if (signal.aborted) return;
      this.#iceServers = session.iceServers;
      if (this.#state.name !== 'live') this.#timer = setTimeout(() => this.#pathFailed(), PATH_LIMIT);
    } catch (error) {
      if (!signal.aborted) this.#refused(error);
    }
  }

  /** @param {WhipSession} session */
  #connected(session) {
    clearTimeout(this.#timer);
    clearTimeout(this.#mendTimer);
    this.#backoff.reset();
    this.#setState({ name: 'live' });
    if (this.#measuring !== undefined) return; // again, after the path was mended
    const meter = new SendingMeter();
    this.#measuring = setInterval(async () => {
      const report = await session.report().catch(() => undefined);
      if (!report || session !== this.#session) return;
      this.dispatchEvent(new CustomEvent('stats', { detail: meter.read(report, Date.now()) }));
    }, MEASURE_EVERY);
  }

  #broken() {
    if (this.#state.name === 'live' || this.#state.name === 'mending') this.#mend(0);
    else this.#pathFailed();
  }

  /** The server has ended the session, or was lost itself: it may say why, meanwhile. */
  async #lost() {
    const asked = this.#asked();
    this.#failed('lost');
    const state = this.#state;
    const { detail, code } = await asked;
    if (detail && this.#state === state) this.#setState({ ...state, detail, code });
  }

  /** What the server says of the session. */
  async #asked() {
    const url = this.#session?.resource;
    return url ? await this.#diagnose(url, this.#order?.token) : {};
  }

  /** No path was found: the server may know why, as long as it has the session. */
  async #pathFailed() {
    const { signal } = this.#ending;
    clearTimeout(this.#timer);
    const diagnosis = await this.#asked();
    if (!signal.aborted && this.#state.name !== 'live') this.#failed('path', diagnosis);
  }

  /**
   * Has the session look for another path, unless the old one is back by then.
   * @param {number} wait ms
   */
  #mend(wait) {
    const { signal } = this.#ending;
    clearTimeout(this.#mendTimer);
    this.#mendTimer = setTimeout(() => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#failed('lost'), MEND_LIMIT);
      this.#restart(signal);
    }, wait);
  }

  /** @param {AbortSignal} signal */
  async #restart(signal) {
    const session = this.#session;
    if (!session || this.#restarting === session || signal.aborted) return;
    this.#restarting = session;
    if (!session.connected) this.#setState({ name: 'mending' });
    try {
      await session.restart(signal);
      if (session.connected && !signal.aborted) this.#connected(session);
    } catch (error) {
      if (signal.aborted) return;
      // Without a way to the server there is none to a new session either.
      if (error instanceof TypeError) this.#mendTimer = setTimeout(() => this.#restart(signal), MEND_EVERY);
      else this.#failed('lost');
    } finally {
      if (this.#restarting === session) this.#restarting = undefined;
    }
  }

  /** @param {unknown} error of the opening of a session */
  #refused(error) {
    if (!(error instanceof RefusedError)) {
      if (error instanceof TypeError) this.#failed('unreachable');
      else this.#failed('unusable', { detail: error instanceof Error ? error.message : String(error) });
      return;
    }
    const { status, detail, retryAfter } = error;
    if (status < 500 && status !== 409 && status !== 429) {
      this.#end();
      this.#order = undefined;
      this.#setState({ name: 'stopped', status, detail });
    } else {
      this.#failed('server', { status, detail, wait: retryAfter });
    }
  }

  /**
   * Gives the session up, and makes the next one after a pause.
   * @param {Reason} reason
   * @param {{ status?: number, detail?: string, code?: string, wait?: number }} [more]
   */
  #failed(reason, { status, detail, code, wait: asked } = {}) {
    this.#end();
    const busy = status === 409;
    const wait = asked ?? (busy ? POLL_BUSY : this.#backoff.next(reason === 'unreachable'));
    this.#timer = setTimeout(() => this.#begin(), wait);
    this.#setState({ name: busy ? 'busy' : 'reconnecting', reason, status, detail, code, retryAt: Date.now() + wait });
  }

  /** Ends what is under way: afterwards no timer, no session and no request is left. */
  #end() {
    clearTimeout(this.#timer);
    clearTimeout(this.#mendTimer);
    clearInterval(this.#measuring);
    this.#measuring = undefined;
    this.#ending.abort(new DOMException('The session was ended.', 'AbortError'));
    this.#session?.close();
    this.#session = undefined;
  }

  /** @param {PublishState} state */
  #setState(state) {
    this.#state = state;
    this.dispatchEvent(new CustomEvent('state', { detail: state }));
  }
}
