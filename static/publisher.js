// @ts-check
// Keeps a stream published: opens WHIP sessions and the next one when one breaks. It
// owns no devices and no page: it is given a MediaStream and says in events how it goes.

import { Backoff } from './backoff.js';
import { RefusedError } from './signaling.js';
import { SendingMeter } from './stats.js';
import { WhipSession } from './whip.js';

/** @typedef {import('./whip.js').Quality} Quality */

/**
 * - idle: not asked to publish
 * - connecting: the server is asked, or the media path is being made
 * - live
 * - reconnecting: the connection or the server was lost; retryAt tells when (ms since the epoch)
 * - busy: somebody else publishes this stream; asked again by itself
 * - stopped: by a refusal that asking again does not change
 * @typedef {object} PublishState
 * @property {'idle' | 'connecting' | 'live' | 'reconnecting' | 'busy' | 'stopped'} name
 * @property {number} [status] HTTP status of the refusal
 * @property {string} [detail] in the server's or the browser's words
 * @property {number} [retryAt]
 */

/** How long a media path may take after the answer, ms. */
const PATH_LIMIT = 12_000;

/** How often a session is measured, ms. */
const MEASURE_EVERY = 1_000;

/** Between two questions whether a stream is free again, when the server names no time, ms. */
const POLL_BUSY = 3_000;

/** Events (CustomEvent): "state" with a PublishState, "stats" with SendingStats every second. */
export class Publisher extends EventTarget {
  #open;
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
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #measuring;

  /**
   * @param {object} [options] for tests
   * @param {(options: ConstructorParameters<typeof WhipSession>[0]) => WhipSession} [options.open]
   * @param {() => number} [options.random]
   */
  constructor({ open = (options) => new WhipSession(options), random = Math.random } = {}) {
    super();
    this.#open = open;
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

  /** The network came back: a pending attempt starts now. */
  wake() {
    if (this.#order && !this.#session) this.#begin();
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
      session.addEventListener('lost', () => this.#failed(new Error('The connection was lost.')), { signal });
      await session.open(signal);
      if (signal.aborted) return;
      this.#iceServers = session.iceServers;
      if (this.#state.name !== 'live') {
        this.#timer = setTimeout(() => this.#failed(new Error('The server answers, but no media gets through.')), PATH_LIMIT);
      }
    } catch (error) {
      if (!signal.aborted) this.#failed(error);
    }
  }

  /** @param {WhipSession} session */
  #connected(session) {
    clearTimeout(this.#timer);
    clearInterval(this.#measuring);
    this.#backoff.reset();
    this.#setState({ name: 'live' });
    const meter = new SendingMeter();
    this.#measuring = setInterval(async () => {
      const report = await session.report().catch(() => undefined);
      if (!report || session !== this.#session) return;
      this.dispatchEvent(new CustomEvent('stats', { detail: meter.read(report, Date.now()) }));
    }, MEASURE_EVERY);
  }

  /** @param {unknown} error */
  #failed(error) {
    this.#end();
    if (error instanceof RefusedError && error.status < 500 && error.status !== 409 && error.status !== 429) {
      this.#order = undefined;
      this.#setState({ name: 'stopped', status: error.status, detail: error.detail });
      return;
    }
    const busy = error instanceof RefusedError && error.status === 409;
    const asked = error instanceof RefusedError ? error.retryAfter : undefined;
    const wait = asked ?? (busy ? POLL_BUSY : this.#backoff.next(error instanceof TypeError));
    this.#timer = setTimeout(() => this.#begin(), wait);
    this.#setState({
      name: busy ? 'busy' : 'reconnecting',
      retryAt: Date.now() + wait,
      detail: error instanceof TypeError ? 'The server cannot be reached.' : String(error instanceof Error ? error.message : error),
    });
  }

  /** Ends what is under way: afterwards no timer, no session and no request is left. */
  #end() {
    clearTimeout(this.#timer);
    clearInterval(this.#measuring);
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
