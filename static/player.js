// @ts-check
// Keeps a stream playing: opens sessions, notices when one is no good any more, and
// opens the next one at the right time. No page, no words, no video element: it says
// what it does in events, and an element shows it.

import { Backoff } from './backoff.js';
import { failureOf } from './states.js';
import { PlaybackMeter } from './stats.js';
import { Watchdog } from './watchdog.js';
import { WhepSession } from './whep.js';

/** @typedef {import('./states.js').State} State */
/** @typedef {import('./states.js').Failure} Failure */
/** @typedef {import('./states.js').Reason} Reason */

/** How long a media path may take after the answer, ms. ICE itself gives up after
 * half a minute, which is longer than anybody looks at a black picture. */
const PATH_LIMIT = 12_000;

/** How often a session is measured, ms. */
const MEASURE_EVERY = 1_000;

/** A session that lasted for so long was a success: the back-off starts anew; ms. */
const STABLE_AFTER = 5_000;

/** A server's Retry-After is the same for everybody who waits; ms. */
const SPREAD = 400;

/**
 * Events (CustomEvent): "state" with a State, whenever it changes; "stream" with a
 * MediaStream, when a new session has a media path; "stats" with PlaybackStats,
 * every second of a session.
 */
export class Player extends EventTarget {
  #open;
  #random;
  #backoff;
  /** @type {State} */
  #state = { name: 'idle' };
  /** @type {{ endpoint: string, token?: string } | undefined} */
  #source;
  /** @type {RTCIceServer[]} learnt from the server; the next offer gathers with them */
  #iceServers = [];
  /** @type {Attempt | undefined} */
  #attempt;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retryTimer;
  /** True while the server's own Retry-After is being waited for. */
  #bound = false;
  /** True when the next attempt lets the server offer. */
  #swapped = false;

  /**
   * @param {object} [options] for tests
   * @param {(options: import('./whep.js').SessionOptions) => WhepSession} [options.open]
   * @param {() => number} [options.random]
   */
  constructor({ open = (options) => new WhepSession(options), random = Math.random } = {}) {
    super();
    this.#open = open;
    this.#random = random;
    this.#backoff = new Backoff({ random });
  }

  /** @returns {State} */
  get state() {
    return this.#state;
  }

  /**
   * Plays, until stop. Playing already, it changes over to the new source.
   * @param {string} endpoint absolute WHEP URL
   * @param {string} [token]
   */
  start(endpoint, token) {
    this.#cancel();
    this.#backoff.reset();
    this.#source = { endpoint, token };
    this.#swapped = false;
    this.#setState({ name: 'connecting' });
    this.#begin();
  }

  /** Ends the session and forgets the source. A second call does nothing. */
  stop() {
    this.#cancel();
    this.#source = undefined;
    this.#setState({ name: 'idle' });
  }

  /** Tries again now, whatever is being waited for. */
  retry() {
    if (!this.#source || this.#attempt) return;
    this.#cancel();
    this.#begin();
  }

  /**
   * The network or the tab came back: a pending attempt starts now, unless the server
   * asked for the wait, and a session gets a moment to show a picture.
   */
  wake() {
    this.#attempt?.forgive();
    if (this.#retryTimer !== undefined && !this.#bound) this.retry();
  }

  /** The element shows a picture of the present stream. */
  pictureShown() {
    this.#attempt?.pictureShown();
  }

  #begin() {
    const source = this.#source;
    if (!source) return;
    const { retryAt, ...state } = this.#state;
    if (retryAt !== undefined) this.#setState(state);

    // The constructor throws where WebRTC is missing or switched off.
    try {
      const session = this.#open({ ...source, iceServers: this.#iceServers, swapped: this.#swapped });
      this.#attempt = new Attempt(session, this.#hooks());
      this.#attempt.run();
    } catch (error) {
      this.#failed(failureOf(error instanceof Error ? new Error(error.message) : error));
    }
  }

  /** @returns {AttemptHooks} */
  #hooks() {
    return {
      accepted: (iceServers) => {
        this.#iceServers = iceServers;
        if (this.#state.name !== 'reconnecting') this.#setState({ name: 'connecting' });
      },
      connected: (stream) => this.#emit('stream', stream),
      flowing: () => this.#setState({ name: 'playing' }),
      stalled: () => this.#setState({ name: 'stalled' }),
      stable: () => this.#backoff.reset(),
      measured: (stats) => this.#emit('stats', stats),
      failed: (failure) => this.#failed(failure),
    };
  }

  /** @param {Failure} failure */
  #failed({ state, wait, bound = false }) {
    this.#cancel();
    // Where no path came about, one may when the server offers and we answer, for then
    // the server controls ICE. It is tried once, and then the usual way again.
    this.#swapped = state.reason === 'path' && !this.#swapped;
    if (wait === 'never') {
      this.#setState(state);
      return;
    }
    const delay = wait === 'backoff' ? this.#backoff.next() : wait + this.#random() * SPREAD;
    this.#bound = bound;
    this.#retryTimer = setTimeout(() => this.retry(), delay);
    this.#setState({ ...state, retryAt: Date.now() + delay });
  }

  /** Ends what is under way: afterwards no timer, no session and no request is left. */
  #cancel() {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    this.#bound = false;
    this.#attempt?.end();
    this.#attempt = undefined;
  }

  /** @param {State} state */
  #setState(state) {
    const before = this.#state;
    if (state.name === before.name && state.retryAt === before.retryAt &&
        state.detail === before.detail && state.reason === before.reason) return;
    this.#state = state;
    this.#emit('state', state);
  }

  /** @param {string} type @param {unknown} detail */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/**
 * @typedef {object} AttemptHooks
 * @property {(iceServers: RTCIceServer[]) => void} accepted the server answered
 * @property {(stream: MediaStream) => void} connected there is a media path
 * @property {() => void} flowing a picture came, the first or after a pause
 * @property {() => void} stalled none came for a while
 * @property {() => void} stable it works, and has for a while
 * @property {(stats: import('./stats.js').PlaybackStats) => void} measured
 * @property {(failure: Failure) => void} failed it is over; nothing is called after it
 */

/** One session from its offer to its end. */
class Attempt {
  #session;
  #hooks;
  #ending = new AbortController();
  #meter = new PlaybackMeter();
  /** @type {Watchdog | undefined} */
  #watchdog;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pathTimer;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #measureTimer;
  /** @type {number | undefined} by performance.now(); undefined before there is a media path */
  #connectedAt;
  #flowing = false;

  /** @param {WhepSession} session @param {AttemptHooks} hooks */
  constructor(session, hooks) {
    this.#session = session;
    this.#hooks = hooks;
    const { signal } = this.#ending;
    session.addEventListener('connected', () => this.#connected(), { signal });
    session.addEventListener('lost', () => this.#fail(this.#connectedAt === undefined ? 'path' : 'lost'), { signal });
  }

  async run() {
    const { signal } = this.#ending;
    try {
      await this.#session.open(signal);
    } catch (error) {
      if (!signal.aborted) this.#hooks.failed(failureOf(error));
      return;
    }
    if (signal.aborted) return;
    this.#hooks.accepted(this.#session.iceServers);
    if (this.#connectedAt === undefined) this.#pathTimer = setTimeout(() => this.#fail('path'), PATH_LIMIT);
  }

  end() {
    this.#ending.abort(new DOMException('The session was ended.', 'AbortError'));
    clearTimeout(this.#pathTimer);
    clearInterval(this.#measureTimer);
    this.#session.close();
  }

  forgive() {
    this.#watchdog?.forgive(performance.now());
  }

  pictureShown() {
    if (this.#flowing || this.#connectedAt === undefined) return;
    this.#flowing = true;
    this.#hooks.flowing();
  }

  #connected() {
    if (this.#connectedAt !== undefined) return;
    clearTimeout(this.#pathTimer);
    this.#connectedAt = performance.now();
    this.#watchdog = new Watchdog(this.#connectedAt);
    this.#hooks.connected(this.#session.stream);
    this.#measureTimer = setInterval(() => this.#measure(), MEASURE_EVERY);
  }

  async #measure() {
    const report = await this.#session.report().catch(() => undefined);
    if (!report || this.#ending.signal.aborted || !this.#watchdog || this.#connectedAt === undefined) return;
    const stats = this.#meter.read(report, Date.now());
    this.#hooks.measured(stats);

    const video = this.#session.hasVideo();
    // Without pictures, sound is what has to come in.
    const count = video ? stats.framesDecoded : stats.packetsReceived;
    const now = performance.now();
    const seen = this.#watchdog.observe(count, now);
    if (hidden()) return;
    if (seen === 'frozen') {
      this.#fail('frozen');
    } else if (seen === 'stalled') {
      this.#flowing = false;
      this.#hooks.stalled();
    } else if (count > 0) {
      this.pictureShown();
      if (now - this.#connectedAt >= STABLE_AFTER) this.#hooks.stable();
    }
  }

  /** @param {Reason} reason */
  #fail(reason) {
    this.#hooks.failed({ state: { name: 'reconnecting', reason }, wait: 'backoff' });
  }
}

/** A tab in the background is not measured by its pictures: it may decode none. */
function hidden() {
  return typeof document !== 'undefined' && document.hidden;
}
