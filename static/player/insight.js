// @ts-check
// The statistics while they are open: measures the delay, keeps the server's clock known,
// and fills the panel. Closed, it costs nothing.

import { DelayMeter } from './delay.js';
import { ownStream, serverTime } from './porthole.js';
import { measureOffset } from './servertime.js';

/** @typedef {import('./delay.js').Delay} Delay */
/** @typedef {import('./player.js').Player['session']} Session */

/** Clocks drift apart slowly; ms. */
const MEASURE_CLOCK_EVERY = 60_000;

export class Insight {
  #meter;
  #player;
  #panel;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  #endpoint = '';

  /** @type {import('./network.js').Network | undefined} what the server knows of the path */
  network = undefined;

  /** @type {Delay | undefined} the last one, while the panel is open */
  delay = undefined;

  /**
   * @param {import('./stats-panel.js').StatsPanel} panel
   * @param {HTMLVideoElement} video
   * @param {{ receiver: RTCRtpReceiver | undefined, session: Session }} player
   */
  constructor(panel, video, player) {
    this.#player = player;
    this.#panel = panel;
    this.#meter = new DelayMeter(video, () => player.receiver);
  }

  get open() {
    return this.#panel.shown;
  }

  /** @param {string} endpoint absolute URL of what plays */
  set endpoint(endpoint) {
    if (endpoint === this.#endpoint) return;
    this.#endpoint = endpoint;
    if (this.open) this.#learnClock();
  }

  /** @param {boolean} open */
  show(open) {
    if (open === this.open) return;
    this.#panel.shown = open;
    this.delay = undefined;
    clearInterval(this.#timer);
    if (open) {
      this.#meter.start();
      this.#learnClock();
      this.#timer = setInterval(() => this.#learnClock(), MEASURE_CLOCK_EVERY);
    } else {
      this.#meter.stop();
    }
  }

  /** @param {import('../lib/stats.js').PlaybackStats} stats */
  update(stats) {
    if (!this.open) return;
    this.delay = this.#meter.read(stats);
    this.#panel.update(stats, { delay: this.delay, network: this.network, session: this.#player.session });
  }

  /** The picture has stopped: what was measured is not so any more. */
  clear() {
    this.delay = undefined;
    if (this.open) this.#panel.clear();
  }

  /** Only a Porthole tells its time. */
  async #learnClock() {
    if (ownStream(this.#endpoint) === undefined) {
      this.#meter.offset = undefined;
      return;
    }
    try {
      this.#meter.offset = (await measureOffset(serverTime)).offset;
    } catch {
      // The other ways to know the delay do without; the next minute tries again.
    }
  }
}
