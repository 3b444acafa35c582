// @ts-check
// One WHIP session: one peer connection that sends, and its resource at the server.
// When to open one and when to give it up is the publisher's business.

import { restartIce } from './restart.js';
import { withStartBitrate } from './sdp.js';
import { negotiate, release } from './signaling.js';
import { askForTemporalLayers } from './temporal.js';

/**
 * @typedef {object} Quality
 * @property {string} codec 'H264', 'VP8', …: offered first
 * @property {number} bitrate highest for the video, bit/s
 */

/** Sound is worth more than its bits: it gets what makes music bearable. */
const AUDIO_BITRATE = 96_000;

/** The share of the chosen bitrate to begin with: a network that carries less is found
 * out within a second, one that carries it all need not be felt for. */
const START_SHARE = 0.6;

/**
 * Dispatches, and nothing after close:
 * "connected": there is a media path, the first or again;
 * "interrupted": no answer from the other end for some seconds, it may come back;
 * "broken": ICE has given the path up;
 * "lost": the server has ended the session (once).
 */
export class WhipSession extends EventTarget {
  #closed = false;
  /** @type {string | undefined} */
  #etag;

  /**
   * @param {object} options
   * @param {string} options.endpoint absolute URL of the WHIP endpoint
   * @param {string} [options.token]
   * @param {MediaStream} options.stream what to send; its tracks stay the caller's
   * @param {Quality} options.quality
   * @param {RTCIceServer[]} options.iceServers
   */
  constructor({ endpoint, token, stream, quality, iceServers }) {
    super();
    this.endpoint = endpoint;
    this.token = token;
    this.iceServers = iceServers;
    this.quality = quality;
    /** @type {string | undefined} */
    this.resource = undefined;
    this.connection = new RTCPeerConnection({ iceServers, bundlePolicy: 'max-bundle' });
    for (const track of stream.getTracks()) this.#add(track, stream);
    this.#listen();
  }

  /**
   * Offers the stream to the server.
   * @param {AbortSignal} signal
   * @returns {Promise<void>} as negotiate() in signaling.js
   */
  async open(signal) {
    await negotiate(this.connection, {
      endpoint: this.endpoint,
      token: this.token,
      signal,
      adjustAnswer: (sdp) => withStartBitrate(sdp, this.quality.bitrate * START_SHARE),
      onResource: ({ url, etag, iceServers }) => {
        this.resource = url;
        this.#etag = etag;
        if (iceServers.length > 0) this.iceServers = iceServers; // those of a server before it are of no use now
      },
    });
    const video = this.connection.getSenders().find(({ track }) => track?.kind === 'video');
    if (video) await askForTemporalLayers(video, this.quality.bitrate, navigator.mediaCapabilities);
    await this.limit(this.quality.bitrate);
  }

  /** True while there is a media path. */
  get connected() {
    return this.connection.connectionState === 'connected';
  }

  /**
   * Looks for another path, with media and keys as they are.
   * @param {AbortSignal} signal
   * @returns {Promise<void>} as restartIce() in restart.js
   */
  async restart(signal) {
    if (!this.resource) throw new Error('there is no session to restart');
    this.#etag = await restartIce(this.connection, { url: this.resource, etag: this.#etag, token: this.token, signal });
  }

  /**
   * Changes the highest video bitrate, also while sending.
   * @param {number} bitrate bit/s
   */
  async limit(bitrate) {
    for (const sender of this.connection.getSenders()) {
      const parameters = sender.getParameters();
      // Firefox has no encodings before the answer; then there is nothing to limit yet.
      if (!sender.track || !parameters.encodings?.length) continue;
      parameters.encodings[0].maxBitrate = sender.track.kind === 'video' ? bitrate : AUDIO_BITRATE;
      await sender.setParameters(parameters).catch(() => {}); // a wish, and the stream runs without it
    }
  }

  /**
   * Sends other tracks from now on, of the same kinds as before; of a kind that has
   * none now, nothing.
   * @param {MediaStream} stream
   */
  async replace(stream) {
    for (const { sender, receiver } of this.connection.getTransceivers()) {
      const { kind } = receiver.track;
      await sender.replaceTrack(stream.getTracks().find((track) => track.kind === kind) ?? null);
    }
  }

  /** @returns {Promise<RTCStatsReport>} */
  report() {
    return this.connection.getStats();
  }

  /** Ends the session at the server and here. A second call does nothing. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    release(this.connection, this.resource, this.token);
  }

  /** @param {MediaStreamTrack} track @param {MediaStream} stream */
  #add(track, stream) {
    const transceiver = this.connection.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
    if (track.kind !== 'video') return;
    const codecs = preferred(RTCRtpSender.getCapabilities('video')?.codecs ?? [], this.quality.codec);
    // Missing in Firefox before 128; the browser's own order is good then as well.
    if (codecs.length > 0) transceiver.setCodecPreferences?.(codecs);
  }

  #listen() {
    const { connection } = this;
    /** @param {string} type */
    const say = (type) => {
      if (!this.#closed) this.dispatchEvent(new Event(type));
    };
    connection.addEventListener('connectionstatechange', () => {
      const type = { connected: 'connected', disconnected: 'interrupted', failed: 'broken' }[String(connection.connectionState)];
      if (type) say(type);
    });
    // The server's goodbye arrives as the end of DTLS, long before ICE gives up.
    const transport = () => connection.getSenders()[0]?.transport;
    let followed = false;
    connection.addEventListener('signalingstatechange', () => {
      if (connection.signalingState !== 'stable' || followed) return;
      followed = true;
      transport()?.addEventListener('statechange', () => {
        const state = transport()?.state;
        if (state === 'closed') this.resource = undefined; // ended there: nothing to delete
        if (state === 'closed' || state === 'failed') say('lost');
      });
    });
  }
}

/** @param {{ mimeType: string }} codec */
const nameOf = ({ mimeType }) => mimeType.replace(/^video\//i, '').toUpperCase();

/** Not codecs of their own: they repair or wrap the others. */
const helpers = new Set(['RTX', 'RED', 'ULPFEC', 'FLEXFEC-03']);

/**
 * The names of the codecs that a browser can send, H.264 first because it plays
 * everywhere.
 * @param {{ mimeType: string }[]} codecs
 */
export function codecNames(codecs) {
  const names = [...new Set(codecs.map(nameOf))].filter((name) => !helpers.has(name));
  return names.sort((a, b) => Number(b === 'H264') - Number(a === 'H264'));
}

/**
 * The browser's codecs with the chosen one first. Of H.264 the constrained baseline
 * profile with packetization mode 1 leads: it is what every viewer's browser decodes.
 * @template {{ mimeType: string, sdpFmtpLine?: string }} T
 * @param {T[]} codecs
 * @param {string} name
 * @returns {T[]}
 */
export function preferred(codecs, name) {
  /** @param {T} codec */
  const rank = (codec) => {
    if (nameOf(codec) !== name) return 0;
    const line = codec.sdpFmtpLine ?? '';
    return 1 + Number(/profile-level-id=42e0/i.test(line)) + Number(/packetization-mode=1/.test(line));
  };
  return [...codecs].sort((a, b) => rank(b) - rank(a));
}
