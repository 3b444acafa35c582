// @ts-check
// The last picture, kept over the video whenever playing stops or the server is gone: a
// video without a stream is black.

import { part } from './parts.js';

export class Still {
  #video;

  /** To be put over the video, and under everything else. */
  element = part('canvas', 'still');

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    this.#video = video;
    this.element.hidden = true;
  }

  /** Keeps what the video shows now, if it shows anything, until drop. A video whose stream has
   * ended shows black. */
  keep() {
    if (!this.element.hidden) return;
    const { videoWidth: width, videoHeight: height, readyState } = this.#video;
    if (width === 0 || readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    this.element.width = width;
    this.element.height = height;
    this.element.getContext('2d')?.drawImage(this.#video, 0, 0, width, height);
    this.element.hidden = false;
  }

  /** The video shows something again, or something else is to be shown. */
  drop() {
    this.element.hidden = true;
  }
}
