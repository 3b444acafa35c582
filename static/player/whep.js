// @ts-check
// One WHEP session: one peer connection that receives, and its resource at the
// server. When to open one and when to give it up is the player's business.

import { takeBegun } from './begun.js';
import { chooseLayer, relLayer } from './layers.js';
import { receiver } from './offer.js';
import { restartFragment } from '../lib/fragment.js';
import { restartIce } from '../lib/restart.js';
import { withStereo } from '../lib/sdp.js';
import { askServers, hasRelay, NoRelayError } from '../lib/servers.js';
import { exchange, mergeServers, negotiate, negotiateSwapped, release } from '../lib/signaling.js';
import { relEvents, WhepEvents } from './whep-events.js';

/**
 * @typedef {object} SessionOptions
 * @property {string} endpoint absolute URL of the WHEP endpoint
 * @property {string} [token]
 * @property {RTCIceServer[]} iceServers known from an earlier session or from the page
 * @property {RTCIceTransportPolicy} [policy] 'relay' sends everything through a TURN server
 * @property {boolean} [events] whether the stream's events are followed
 * @property {boolean} [swapped] lets the server offer and answers that, for networks
 *   where the other way round does not connect
 */

/**
 * Dispatches, and nothing after close:
 * "connected": there is a media path, the first or again;
 * "interrupted": no answer from the other end for some seconds, it may come back;
 * "broken": ICE has given the path up;
 * "lost": the server has ended the session (once);
 * "told" (CustomEvent of Told): what the server says about the stream.
 */
export class WhepSession extends EventTarget {
  #closed = false;
  /** @type {string | undefined} */
  #etag;
  /** @type {import('../lib/link.js').Extension[]} */
  #extensions = [];
  /** @type {WhepEvents | undefined} */
  #events;
  #followed;
  /** How many candidates the server was told. */
  #offered = 0;
  /** Whether the last offer was made with a relay. */
  #offeredRelay = false;
  /** @type {import('./begun.js').Begun | undefined} what the page asked for before this module was there */
  #begun;
  #onVisible = () => this.#follow();

  /** @param {SessionOptions} options */
  constructor({ endpoint, token, iceServers, policy = 'all', events = true, swapped = false }) {
    super();
    this.#followed = events;
    this.endpoint = endpoint;
    this.token = token;
    this.swapped = swapped;
    this.policy = policy;
    /** What the server sends, filled as its tracks come. */
    this.stream = new MediaStream();
    /** What was known before, and what the server offered in its answer. */
    this.iceServers = iceServers;
    /** @type {string | undefined} */
    this.resource = undefined;
    this.#begun = swapped || iceServers.length > 0 ? undefined : takeBegun({ endpoint, token, policy });
    this.connection = this.#begun?.connection ?? receiver({ iceServers, policy, swapped });
    this.#listen();
  }

  /**
   * Asks the server for the stream.
   * @param {AbortSignal} signal
   * @returns {Promise<void>} as negotiate() in signaling.js; NoRelayError where only a
   *   relay is allowed and there is none
   */
  async open(signal) {
    if (this.policy === 'relay' && !hasRelay(this.iceServers)) {
      this.#know(await askServers(this.endpoint, this.token, signal));
      if (!hasRelay(this.iceServers)) throw new NoRelayError();
      this.connection.setConfiguration({ ...this.connection.getConfiguration(), iceServers: this.iceServers });
    }
    this.#offeredRelay = hasRelay(this.iceServers);
    await (this.swapped ? negotiateSwapped : negotiate)(this.connection, {
      endpoint: this.endpoint,
      token: this.token,
      signal,
      adjust: withStereo,
      begun: this.#begun,
      hurry: true,
      onOffer: (sdp) => { this.#offered = candidates(sdp); },
      onResource: ({ url, etag, iceServers, extensions }) => {
        this.resource = url;
        this.#etag = etag;
        this.#extensions = extensions;
        this.#know(iceServers);
      },
    });
    document.addEventListener('visibilitychange', this.#onVisible);
    this.#follow();
  }

  /** True when ICE can be restarted: the server knows the session, and we made the offer. */
  get restartable() {
    return this.resource !== undefined && !this.swapped && !this.#closed;
  }

  /** True when the server has named a relay that the offer was made without. */
  get relayUnused() {
    return !this.#offeredRelay && hasRelay(this.iceServers);
  }

  /** True while there is a media path. */
  get connected() {
    return this.connection.connectionState === 'connected';
  }

  /**
   * Tells the server the candidates that came after the offer (RFC 9725, section 4.3.1). Most
   * sessions connect without them, and the server's diagnosis goes by what it knows.
   * @param {AbortSignal} signal
   * @returns {Promise<void>} also where the server takes none
   */
  async tellLate(signal) {
    const sdp = this.connection.localDescription?.sdp ?? '';
    if (!this.resource || this.swapped || this.#closed || candidates(sdp) === this.#offered) return;
    await exchange(this.resource, {
      method: 'PATCH', type: 'application/trickle-ice-sdpfrag', body: restartFragment(sdp), expect: 204, token: this.token, signal,
    }).catch(() => {}); // they are a help, not a need
  }

  /**
   * Looks for another path, with media and keys as they are.
   * @param {AbortSignal} signal
   * @returns {Promise<void>} as restartIce() in restart.js
   */
  async restart(signal) {
    if (!this.resource) throw new Error('there is no session to restart');
    this.#offeredRelay = hasRelay(this.iceServers);
    this.#etag = await restartIce(this.connection, { url: this.resource, etag: this.#etag, token: this.token, signal, adjust: withStereo });
  }

  /** True when the server lets viewers choose among the stream's layers. */
  get hasLayerChoice() {
    return this.#extension(relLayer) !== undefined;
  }

  /**
   * @param {import('./layers.js').Layer | undefined} layer undefined: the server chooses
   * @returns {Promise<void>} as chooseLayer() in layers.js
   */
  async chooseLayer(layer) {
    const extension = this.#extension(relLayer);
    if (extension) await chooseLayer(extension.url, layer, this.token);
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
    document.removeEventListener('visibilitychange', this.#onVisible);
    this.#events?.stop();
    for (const track of this.stream.getTracks()) track.stop();
    release(this.connection, this.resource, this.token);
  }

  /** @param {RTCIceServer[]} servers */
  #know(servers) {
    this.iceServers = mergeServers(this.iceServers, servers);
  }

  /** @param {string} relation */
  #extension(relation) {
    return this.#extensions.find((extension) => extension.relation === relation);
  }

  /** @param {'audio' | 'video'} kind */
  #receives(kind) {
    return this.connection.getTransceivers().some(({ receiver, currentDirection }) =>
      receiver.track.kind === kind && currentDirection === 'recvonly');
  }

  /**
   * Events are followed while somebody looks: a browser opens few connections to one
   * server, and tabs in the background must not keep them from the others.
   */
  #follow() {
    const extension = this.#extension(relEvents);
    if (!extension || !this.#followed || this.#closed) return;
    this.#events ??= new WhepEvents(extension, {
      token: this.token,
      heard: (told) => this.#say(new CustomEvent('told', { detail: told })),
    });
    if (document.hidden) this.#events.stop();
    else this.#events.start();
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
        if (state === 'closed' || state === 'failed') this.#say(new Event('lost'));
      });
    });
    connection.addEventListener('connectionstatechange', () => {
      const type = { connected: 'connected', disconnected: 'interrupted', failed: 'broken' }[String(connection.connectionState)];
      if (type) this.#say(new Event(type));
    });
  }

  /** @param {Event} event */
  #say(event) {
    if (!this.#closed) this.dispatchEvent(event);
  }
}

/** @param {string} sdp @returns {number} how many candidates are in it */
function candidates(sdp) {
  return sdp.match(/^a=candidate:/gm)?.length ?? 0;
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
