// @ts-check
// One WHEP session: one peer connection that receives, and its resource at the
// server. When to open one and when to give it up is the player's business.

import { withStereo } from './sdp.js';
import { negotiate, negotiateSwapped, release } from './signaling.js';

/**
 * @typedef {object} SessionOptions
 * @property {string} endpoint absolute URL of the WHEP endpoint
 * @property {string} [token]
 * @property {RTCIceServer[]} iceServers known from an earlier session or from the page
 * @property {boolean} [swapped] lets the server offer and answers that, for networks
 *   where the other way round does not connect
 */

/** Dispatches "connected" and "lost", each at most once, and nothing after close. */
export class WhepSession extends EventTarget {
  #closed = false;

  /** @param {SessionOptions} options */
  constructor({ endpoint, token, iceServers, swapped = false }) {
    super();
    this.endpoint = endpoint;
    this.token = token;
    this.swapped = swapped;
    /** What the server sends, filled as its tracks come. */
    this.stream = new MediaStream();
    /** What the server offered in its answer, otherwise what was known before. */
    this.iceServers = iceServers;
    /** @type {string | undefined} */
    this.resource = undefined;
    this.connection = new RTCPeerConnection({ iceServers, bundlePolicy: 'max-bundle' });
    if (!swapped) {
      // Video first: it owns the bundle's transport, and streams without sound are
      // common where streams without pictures are not.
      this.connection.addTransceiver('video', { direction: 'recvonly' });
      this.connection.addTransceiver('audio', { direction: 'recvonly' });
    }
    this.#listen();
  }

  /**
   * Asks the server for the stream.
   * @param {AbortSignal} signal
   * @returns {Promise<void>} as negotiate() in signaling.js
   */
  open(signal) {
    const agree = this.swapped ? negotiateSwapped : negotiate;
    return agree(this.connection, {
      endpoint: this.endpoint,
      token: this.token,
      signal,
      adjust: withStereo,
      onResource: ({ url, iceServers }) => {
        this.resource = url;
        if (iceServers.length > 0) this.iceServers = iceServers;
      },
    });
  }

  /** True when the answer has the server send this kind of media. */
  hasVideo() {
    return this.#receives('video');
  }

  /** See hasVideo. */
  hasAudio() {
    return this.#receives('audio');
  }

  /** @returns {Promise<RTCStatsReport>} */
  report() {
    return this.connection.getStats();
  }

  /** Ends the session at the server and here. A second call does nothing. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    for (const track of this.stream.getTracks()) track.stop();
    release(this.connection, this.resource, this.token);
  }

  /** @param {'audio' | 'video'} kind */
  #receives(kind) {
    return this.connection.getTransceivers().some(({ receiver, currentDirection }) =>
      receiver.track.kind === kind && currentDirection === 'recvonly');
  }

  #listen() {
    const { connection } = this;
    connection.addEventListener('track', ({ track, receiver }) => {
      this.stream.addTrack(track);
      keepDelayLow(receiver);
      // The server's goodbye arrives as the end of DTLS, long before ICE gives up.
      receiver.transport?.addEventListener('statechange', () => {
        const state = receiver.transport?.state;
        if (state === 'closed') this.resource = undefined; // ended there: nothing to delete
        if (state === 'closed' || state === 'failed') this.#lost();
      });
    });
    connection.addEventListener('connectionstatechange', () => {
      if (connection.connectionState === 'connected') this.dispatchEvent(new Event('connected'));
      if (connection.connectionState === 'failed') this.#lost();
    });
  }

  #lost() {
    if (!this.#closed) this.dispatchEvent(new Event('lost'));
  }
}

/**
 * Asks for the shortest buffer that the network allows: the browser still makes it
 * longer when packets come unevenly, and shorter again afterwards.
 * @param {RTCRtpReceiver} receiver
 */
function keepDelayLow(receiver) {
  if ('jitterBufferTarget' in receiver) {
    receiver.jitterBufferTarget = 0;
  } else if ('playoutDelayHint' in receiver) {
    Object.assign(receiver, { playoutDelayHint: 0 });
  }
}
