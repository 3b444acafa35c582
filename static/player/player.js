// @ts-check
// Keeps a stream playing: opens sessions, notices when one is no good any more, and
// opens the next one at the right time. No page, no words, no video element: it says
// what it does in events, and an element shows it.

import { Attempt } from './attempt.js';
import { Backoff } from '../lib/backoff.js';
import { readLayers } from './layers.js';
import { readNetwork } from './network.js';
import { mergeServers } from '../lib/signaling.js';
import { failureOf } from './states.js';
import { WhepSession } from './whep.js';

/** @typedef {import('./states.js').State} State */
/** @typedef {import('./states.js').Failure} Failure */
/** @typedef {import('./layers.js').Layer} Layer */

/**
 * @typedef {object} Source
 * @property {string} endpoint absolute WHEP URL
 * @property {string} [token]
 * @property {RTCIceTransportPolicy} [policy]
 * @property {boolean} [events] whether the stream's events are followed; true unless it says no
 * @property {RTCIceServer[]} [iceServers] that the page names, beside those of the server
 */

/** A server's Retry-After is the same for everybody who waits; ms. */
const SPREAD = 400;

/** A session that is late is made anew at most once in this time, which doubles each
 * time: on a network that is always late another session is late too; ms. */
const RENEW_EVERY = 30_000;

/**
 * Events (CustomEvent): "state" with a State, whenever it changes; "ending" before a session is
 * closed, while its picture is still there; "stream" with a
 * MediaStream, when a new session has a media path or the old one is to be played anew;
 * "stats" with PlaybackStats, every second of a session; "viewers" with how many watch and
 * "layers" with the Layers that can be chosen from, where the server tells; "changed" when it
 * tells that something else about the stream has changed.
 */
export class Player extends EventTarget {
  #open;
  #random;
  #backoff;
  /** @type {State} */
  #state = { name: 'idle' };
  #diagnose;
  /** @type {Source | undefined} */
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
  /** When a late session may be made anew, and how long that lasts; by performance.now(). */
  #renew = { from: 0, gap: RENEW_EVERY };
  /** @type {Layer | undefined} chosen by somebody; undefined: the server chooses */
  #layer;

  /** Whether somebody says with retry() when a stream that is not there has come: then
   * the player does not ask for it again and again. */
  told = () => false;

  /**
   * @param {object} [options]
   * @param {(session: string, token?: string) => Promise<Partial<State>>} [options.diagnose] asks
   *   why a session, named by its URL, got no path
   * @param {(options: import('./whep.js').SessionOptions) => WhepSession} [options.open] for tests
   * @param {() => number} [options.random] for tests
   */
  constructor({ diagnose = async () => ({}), open = (options) => new WhepSession(options), random = Math.random } = {}) {
    super();
    this.#diagnose = diagnose;
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
   * @param {Source} source
   * @param {boolean} [there] false when the stream is known not to be there: it is waited for
   */
  start(source, there = true) {
    this.#cancel();
    this.#backoff.reset();
    if (source.endpoint !== this.#source?.endpoint) this.#layer = undefined;
    this.#source = source;
    this.#swapped = false;
    this.#setState({ name: there ? 'connecting' : 'waiting' });
    if (there) this.#begin();
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

  /** The computer is in another network: a session looks for another path at once. */
  networkChanged() {
    this.wake();
    this.#attempt?.networkChanged();
  }

  /** The receiver of the picture, while there is a session. */
  get receiver() {
    return this.#attempt?.session.connection?.getReceivers().find(({ track }) => track.kind === 'video');
  }

  /** The session at the server: its id, and for how long it has been connected, ms. */
  get session() {
    const url = this.#attempt?.session.resource;
    return { id: url?.split('/').pop() ?? '', connectedFor: this.#attempt?.connectedFor };
  }

  /** True while sound plays and the stream has no picture. */
  get soundOnly() {
    return this.#state.name === 'playing' && this.#attempt?.session.hasVideo() === false;
  }

  /** True when the viewer can choose among the layers. */
  get canChoose() {
    return this.#attempt?.session.hasLayerChoice ?? false;
  }

  /** The layer that was chosen; undefined when the server chooses. */
  get layer() {
    return this.#layer;
  }

  /**
   * Asks for a layer, now and in the sessions to come.
   * @param {Layer | undefined} layer undefined: the server chooses
   */
  async chooseLayer(layer) {
    this.#layer = layer;
    await this.#attempt?.session.chooseLayer(layer).catch(() => {
      // What is seen does not change; nor may what is said to be chosen.
      if (this.#layer === layer) this.#layer = undefined;
    });
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
      const iceServers = mergeServers(source.iceServers ?? [], this.#iceServers);
      const session = this.#open({ ...source, iceServers, swapped: this.#swapped });
      this.#attempt = new Attempt(session, this.#hooks());
      this.#attempt.run();
    } catch (error) {
      this.#failed(failureOf(error instanceof Error ? new Error(error.message) : error));
    }
  }

  /** @returns {import('./attempt.js').Hooks} */
  #hooks() {
    return {
      accepted: (iceServers) => {
        this.#iceServers = iceServers;
        if (this.#state.name !== 'reconnecting') this.#setState({ name: 'connecting' });
        if (this.#layer) this.chooseLayer(this.#layer);
      },
      connected: (stream) => this.#emit('stream', stream),
      jump: (stream) => this.#emit('stream', stream),
      mayRenew: () => this.#mayRenew(),
      flowing: () => this.#setState({ name: 'playing' }),
      stalled: (reason) => this.#setState({ name: reason === 'away' ? 'waiting' : 'stalled', reason }),
      stable: () => this.#backoff.reset(),
      measured: (stats) => this.#emit('stats', stats),
      told: (told) => this.#told(told),
      diagnosed: async () => {
        const session = this.#attempt?.session.resource;
        return session ? this.#diagnose(session, this.#source?.token) : {};
      },
      failed: (failure) => this.#failed(failure),
    };
  }

  /** @param {import('./whep-events.js').Told} told */
  #told({ type, data }) {
    if (type === 'viewercount' && typeof data?.viewercount === 'number') this.#emit('viewers', data.viewercount);
    if (type === 'layers') this.#emit('layers', readLayers(data));
    if (type === 'network') this.#emit('network', readNetwork(data));
    if (type !== 'viewercount' && type !== 'network') this.#emit('changed', undefined);
  }

  #mayRenew() {
    const now = performance.now();
    if (now < this.#renew.from) return false;
    this.#renew = { from: now + this.#renew.gap, gap: this.#renew.gap * 2 };
    return true;
  }

  /** @param {Failure} failure */
  #failed({ state, wait, bound = false }) {
    this.#cancel();
    // Where no path came about, one may when the server offers and we answer, for then
    // the server controls ICE. It is tried once, and then the usual way again.
    this.#swapped = state.reason === 'path' && !this.#swapped;
    if (wait === 'never' || (absent(state) && this.told())) {
      this.#setState(state);
      return;
    }
    const delay = wait === 'backoff' ? this.#backoff.next(state.reason === 'unreachable') : wait + this.#random() * SPREAD;
    this.#bound = bound;
    this.#retryTimer = setTimeout(() => this.retry(), delay);
    this.#setState({ ...state, retryAt: Date.now() + delay });
  }

  /** Ends what is under way: afterwards no timer, no session and no request is left. */
  #cancel() {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    this.#bound = false;
    if (this.#attempt) this.#emit('ending', undefined);
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

/** @param {State} state */
function absent({ name }) {
  return name === 'waiting' || name === 'unknown';
}
