// @ts-check
// The live picture beside a camera's controls: who turns a knob sees what it does.

import { address } from './site.js';
import { WhepSession } from '../player/whep.js';

/** After a session that did not come up, or was lost, ms. */
const RETRY_AFTER = 3_000;

/** How long one may take to come up, ms: cameras need some seconds to start. */
const OPEN_LIMIT = 10_000;

/** Plays one stream in a video element, again and again, until it is told to stop. */
export class Live {
  #video;
  /** @type {WhepSession | undefined} */
  #session;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    this.#video = video;
    video.muted = true;
    video.playsInline = true;
  }

  /** @param {string} stream @param {string} token */
  start(stream, token) {
    this.stop();
    const session = new WhepSession({ endpoint: address('whep', stream), token, iceServers: [] });
    this.#session = session;
    this.#video.srcObject = session.stream;
    const again = () => {
      if (this.#session !== session) return;
      this.stop();
      this.#retry = setTimeout(() => this.start(stream, token), RETRY_AFTER);
    };
    session.addEventListener('lost', again);
    session.addEventListener('broken', again);
    session.open(AbortSignal.timeout(OPEN_LIMIT)).then(() => this.#video.play()).catch(again);
  }

  stop() {
    clearTimeout(this.#retry);
    this.#session?.close();
    this.#session = undefined;
    this.#video.srcObject = null;
  }
}
