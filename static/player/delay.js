// @ts-check
// How old the picture on the screen is. There are four ways to know, and the best one that
// works is taken:
//
//   picture   the test picture shows the moment of its drawing, read from the screen
//   capture   the server says in each picture when it was taken (abs-capture-time)
//   reports   the server's reports tell when it had the picture (RTCP sender reports)
//   estimate  what the picture waited in the buffer, and half a round trip
//
// The first two need the server's clock, which only Porthole tells.

import { clock } from './servertime.js';
import { readStamp, stampArea } from './stamp.js';

/** @typedef {'picture' | 'capture' | 'reports' | 'estimate'} Method */
/** @typedef {{ ms: number, method: Method }} Delay */

/** The clock in the picture is looked for so often at most, ms: it costs a copy. */
const LOOK_EVERY = 200;

/** What was measured longer ago is not said any more, ms. */
const FRESH = 2_500;

/** Of so many measurements the median is taken. */
const KEPT = 9;

/** From 1900, when NTP's time begins, to 1970, ms. */
const NTP_EPOCH = 2_208_988_800_000;

/** A longer delay than this is a clock that was never set, ms. */
const BELIEVABLE = 600_000;

export class DelayMeter {
  #video;
  #receiver;
  /** @type {Record<'picture' | 'capture' | 'reports', { at: number, ms: number }[]>} */
  #samples = { picture: [], capture: [], reports: [] };
  #canvas = document.createElement('canvas');
  /** @type {number | undefined} of requestVideoFrameCallback */
  #callback;
  #lookedAt = 0;

  /** Ms to add to this computer's clock to get the server's; undefined: not known. */
  /** @type {number | undefined} */
  offset = undefined;

  /**
   * @param {HTMLVideoElement} video
   * @param {() => RTCRtpReceiver | undefined} receiver of the picture
   */
  constructor(video, receiver) {
    this.#video = video;
    this.#receiver = receiver;
  }

  /** Looks at the pictures, until stop. */
  start() {
    if (this.#callback !== undefined || !('requestVideoFrameCallback' in this.#video)) return;
    this.#next();
  }

  stop() {
    if (this.#callback !== undefined) this.#video.cancelVideoFrameCallback(this.#callback);
    this.#callback = undefined;
    this.#samples = { picture: [], capture: [], reports: [] };
  }

  /**
   * @param {import('../lib/stats.js').PlaybackStats} stats for the estimate
   * @returns {Delay | undefined} undefined before there is a picture
   */
  read(stats) {
    const now = clock();
    for (const method of /** @type {const} */ (['picture', 'capture', 'reports'])) {
      const ms = median(this.#samples[method].filter(({ at }) => now - at < FRESH).map((sample) => sample.ms));
      if (ms !== undefined) return { ms, method };
    }
    if (stats.bufferDelay === undefined) return undefined;
    return { ms: stats.bufferDelay + (stats.roundTripTime ?? 0) / 2, method: 'estimate' };
  }

  #next() {
    this.#callback = this.#video.requestVideoFrameCallback((_, metadata) => {
      this.#look(metadata);
      this.#next();
    });
  }

  /** @param {VideoFrameCallbackMetadata} metadata */
  #look(metadata) {
    const now = clock();
    if (now - this.#lookedAt < LOOK_EVERY) return;
    this.#lookedAt = now;
    const shown = performance.timeOrigin + metadata.expectedDisplayTime;
    if (metadata.captureTime !== undefined) this.#take('reports', shown - (performance.timeOrigin + metadata.captureTime));
    if (this.offset === undefined) return;
    const drawn = this.#readPicture();
    if (drawn !== undefined) this.#take('picture', shown + this.offset - drawn);
    const captured = this.#capturedAt();
    if (captured !== undefined) this.#take('capture', shown + this.offset - captured);
  }

  /** @returns {number | undefined} when the picture on the screen was drawn, in the server's clock */
  #readPicture() {
    const width = this.#video.videoWidth;
    const { height } = stampArea(width);
    if (height === 0) return undefined;
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    const context = this.#canvas.getContext('2d', { willReadFrequently: true });
    if (!context) return undefined;
    context.drawImage(this.#video, 0, 0, width, height, 0, 0, width, height);
    return readStamp(context.getImageData(0, 0, width, height))?.time;
  }

  /** @returns {number | undefined} when the newest picture was taken, in the server's clock */
  #capturedAt() {
    /** @type {any} TypeScript does not know the last two fields yet */
    const [source] = this.#receiver()?.getSynchronizationSources?.() ?? [];
    if (source?.captureTimestamp === undefined) return undefined;
    return source.captureTimestamp - NTP_EPOCH + (source.senderCaptureTimeOffset ?? 0);
  }

  /** @param {'picture' | 'capture' | 'reports'} method @param {number} ms */
  #take(method, ms) {
    if (!(ms > -1_000 && ms < BELIEVABLE)) return;
    const samples = this.#samples[method];
    // A clock that is a little ahead makes a very short delay less than none.
    samples.push({ at: clock(), ms: Math.max(0, ms) });
    if (samples.length > KEPT) samples.shift();
  }
}

/** @param {number[]} values @returns {number | undefined} */
export function median(values) {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
