// @ts-check
// One session from its offer to its end: is there a path, do pictures come, are they
// live, and can it be mended before it is given up.

import { CatchUp } from './catchup.js';
import { limits, readNetwork } from './network.js';
import { failureOf } from './states.js';
import { PlaybackMeter } from '../lib/stats.js';
import { Watchdog } from './watchdog.js';

/** @typedef {import('./states.js').Failure} Failure */
/** @typedef {import('./states.js').Reason} Reason */
/** @typedef {import('../lib/stats.js').PlaybackStats} PlaybackStats */

/** How long a media path may take after the answer, ms. ICE itself gives up after
 * half a minute, which is longer than anybody looks at a black picture. */
const PATH_LIMIT = 12_000;

/** How long another path may take after an ICE restart, ms. */
const RESTART_LIMIT = 8_000;

/** Without a path for so long, the server is told the candidates that came after the offer; ms. */
const TELL_LATE_AFTER = 1_000;

/** Without a path for so long, relays that the server has just named are tried; ms. */
const TRY_RELAY_AFTER = 3_000;

/** An interruption that ends by itself within so long needs no restart; ms. */
const INTERRUPTION = 1_500;

/** How often a session is measured, ms. */
const MEASURE_EVERY = 1_000;

/** A session that lasted for so long was a success; ms. */
const STABLE_AFTER = 5_000;

/** Without a picture for that long it is waited for, where none is expected soon; ms. */
const QUIET = 1_000;

/**
 * @typedef {object} Hooks
 * @property {(iceServers: RTCIceServer[]) => void} accepted the server answered
 * @property {(stream: MediaStream) => void} connected there is a media path
 * @property {(stream: MediaStream) => void} jump the stream is late: play it anew
 * @property {() => boolean} mayRenew whether being late may end the session
 * @property {() => void} flowing a picture came, the first or after a pause
 * @property {(reason?: Reason) => void} stalled none came for a while
 * @property {() => void} stable it works, and has for a while
 * @property {(stats: PlaybackStats) => void} measured
 * @property {(told: import('./whep-events.js').Told) => void} told by the server
 * @property {() => Promise<Partial<import('./states.js').State>>} diagnosed what the server
 *   says about a connection that does not come about
 * @property {(failure: Failure) => void} failed it is over; nothing is called after it
 */

export class Attempt {
  #session;
  #hooks;
  #ending = new AbortController();
  #meter = new PlaybackMeter();
  #catchUp = new CatchUp();
  /** @type {Watchdog | undefined} */
  #watchdog;
  /** @type {ReturnType<typeof setTimeout> | undefined} until a path must be there */
  #pathTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} until the rest of the candidates is told */
  #lateTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} until an interruption is taken seriously */
  #mendTimer;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #measureTimer;
  /** @type {number | undefined} by performance.now(); undefined before there is a media path */
  #connectedAt;
  #flowing = false;
  #measured = false;
  #restarting = false;
  /** @type {boolean | undefined} whether somebody publishes; undefined when nobody tells */
  #active;
  /** @type {import('./network.js').Network | undefined} what the server last said of the path */
  #network;
  #packets = 0;

  /** @param {import('./whep.js').WhepSession} session @param {Hooks} hooks */
  constructor(session, hooks) {
    this.#session = session;
    this.#hooks = hooks;
    const { signal } = this.#ending;
    session.addEventListener('connected', () => this.#connected(), { signal });
    session.addEventListener('interrupted', () => this.#interrupted(), { signal });
    session.addEventListener('broken', () => this.#broken(), { signal });
    session.addEventListener('lost', () => this.#lost(), { signal });
    session.addEventListener('told', (event) => {
      this.#told(/** @type {CustomEvent<import('./whep-events.js').Told>} */ (event).detail);
    }, { signal });
  }

  /** For how long there has been a media path, ms; undefined before. */
  get connectedFor() {
    return this.#connectedAt === undefined ? undefined : performance.now() - this.#connectedAt;
  }

  get session() {
    return this.#session;
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
    if (this.#connectedAt !== undefined) return;
    this.#awaitPath(PATH_LIMIT);
    this.#lateTimer = setTimeout(() => this.#session.tellLate(signal), TELL_LATE_AFTER);
    if (this.#session.relayUnused) this.#mendTimer = setTimeout(() => this.#restart(), TRY_RELAY_AFTER);
  }

  end() {
    this.#ending.abort(new DOMException('The session was ended.', 'AbortError'));
    clearTimeout(this.#pathTimer);
    clearTimeout(this.#lateTimer);
    clearTimeout(this.#mendTimer);
    clearInterval(this.#measureTimer);
    this.#session.close();
  }

  /** The tab came back: it gets a moment to show a picture. */
  forgive() {
    this.#watchdog?.forgive(performance.now());
  }

  /** The computer is in another network, or was: the old path may be dead and not say so. */
  networkChanged() {
    if (this.#connectedAt !== undefined) this.#restart();
  }

  pictureShown() {
    if (this.#flowing || this.#connectedAt === undefined) return;
    this.#flowing = true;
    this.#hooks.flowing();
    if (!this.#measured) this.#measure(); // whether there is sound is to be known at once
  }

  #connected() {
    clearTimeout(this.#pathTimer);
    clearTimeout(this.#lateTimer);
    clearTimeout(this.#mendTimer);
    if (this.#connectedAt !== undefined) return;
    this.#connectedAt = performance.now();
    this.#watchdog = new Watchdog(this.#connectedAt);
    this.#hooks.connected(this.#session.stream);
    this.#measureTimer = setInterval(() => this.#measure(), MEASURE_EVERY);
  }

  /** Often a network's short breath; otherwise another path is better than a new session. */
  #interrupted() {
    clearTimeout(this.#mendTimer);
    this.#mendTimer = setTimeout(() => this.#restart(), INTERRUPTION);
  }

  #broken() {
    if (this.#connectedAt === undefined) this.#fail('path');
    else if (this.#session.restartable) this.#restart();
    else this.#fail('lost');
  }

  #lost() {
    this.#fail(this.#connectedAt === undefined ? 'path' : 'lost');
  }

  async #restart() {
    clearTimeout(this.#mendTimer);
    if (this.#restarting || !this.#session.restartable) return;
    this.#restarting = true;
    const { signal } = this.#ending;
    if (this.#connectedAt !== undefined && !this.#session.connected) this.#stalled('network');
    try {
      await this.#session.restart(signal);
      if (!signal.aborted) this.#awaitPath(RESTART_LIMIT);
    } catch (error) {
      // Without a way to the server there is none to a new session either: the old one
      // gets as long as pictures may stay away.
      if (!signal.aborted && !(error instanceof TypeError)) this.#fail(this.#connectedAt === undefined ? 'path' : 'lost');
    } finally {
      this.#restarting = false;
    }
  }

  /** @param {number} limit ms */
  #awaitPath(limit) {
    clearTimeout(this.#pathTimer);
    this.#pathTimer = setTimeout(() => {
      if (!this.#session.connected) this.#fail(this.#connectedAt === undefined ? 'path' : 'lost');
    }, limit);
  }

  async #measure() {
    const report = await this.#session.report().catch(() => undefined);
    if (!report || this.#ending.signal.aborted || !this.#watchdog || this.#connectedAt === undefined) return;
    this.#measured = true;
    const stats = this.#meter.read(report, Date.now());
    this.#hooks.measured(stats);

    // Without pictures, sound is what has to come in.
    const count = this.#session.hasVideo() ? stats.framesDecoded : stats.packetsReceived;
    const now = performance.now();
    const seen = this.#watchdog.observe(count, now);
    const arriving = stats.packetsReceived > this.#packets;
    this.#packets = stats.packetsReceived;
    if (hidden()) return;
    const quiet = this.#watchdog.quiet(now);
    if (quiet === 0) {
      this.pictureShown();
      if (now - this.#connectedAt >= STABLE_AFTER) this.#hooks.stable();
      this.#keepLive(stats, now);
    } else if (this.#active === false) {
      // Nobody publishes: there is nothing to mend, and the server says when to leave.
      if (quiet >= QUIET) this.#stalled('away');
    } else if (limits(this.#network) && arriving) {
      // A new session would have the same path, and no picture at first.
      if (seen !== 'flowing') this.#stalled('narrow');
    } else if (seen === 'frozen') {
      this.#fail('frozen');
    } else if (seen === 'stalled' || (count === 0 && quiet >= QUIET)) {
      this.#stalled();
    }
  }

  /** @param {PlaybackStats} stats @param {number} now */
  #keepLive(stats, now) {
    // What a narrow path delays is late again after a jump, and with a new session.
    if (limits(this.#network)) {
      this.#catchUp.observe(0, now);
      return;
    }
    const action = this.#catchUp.observe(Math.max(stats.bufferDelay ?? 0, stats.soundDelay ?? 0), now);
    if (action === 'jump') this.#hooks.jump(this.#session.stream);
    if (action === 'renew' && this.#hooks.mayRenew()) {
      this.#hooks.failed({ state: { name: 'reconnecting', reason: 'behind' }, wait: 0 });
    }
  }

  /** @param {Reason} [reason] */
  #stalled(reason) {
    this.#flowing = false;
    this.#hooks.stalled(reason);
  }

  /** @param {import('./whep-events.js').Told} told */
  #told(told) {
    if (told.type === 'active') this.#active = true;
    if (told.type === 'inactive') this.#active = false;
    if (told.type === 'network') this.#network = readNetwork(told.data);
    // Servers say at once that a stream is active, and nothing when it is not.
    if (told.type === 'viewercount') this.#active ??= false;
    if (told.type === 'active') this.#watchdog?.forgive(performance.now());
    if (told.type === 'reconnect') {
      this.#hooks.failed({ state: { name: 'reconnecting', reason: 'asked' }, wait: 0 });
      return;
    }
    this.#hooks.told(told);
  }

  /** @param {Reason} reason */
  async #fail(reason) {
    const { signal } = this.#ending;
    clearTimeout(this.#pathTimer);
    // Asked before the session is given back, which would be all that the server knew.
    const diagnosis = reason === 'path' ? await this.#hooks.diagnosed() : {};
    if (signal.aborted || (reason === 'path' && this.#connectedAt !== undefined)) return;
    this.#hooks.failed({ state: { name: 'reconnecting', reason, ...diagnosis }, wait: 'backoff' });
  }
}

/** A tab in the background is not measured by its pictures: it may decode none. */
function hidden() {
  return typeof document !== 'undefined' && document.hidden;
}
