// @ts-check
// The list of streams, kept current: by server-sent events where they get through,
// by asking again every few seconds where they do not.

import { Backoff } from './backoff.js';
import { bearer } from './signaling.js';
import { root } from './root.js';
import { EventParser } from './sse.js';
import { pause } from './wait.js';

/**
 * @typedef {object} Track
 * @property {'audio' | 'video'} kind
 * @property {string} codec 'H264', 'opus', …
 * @property {string} [rid] of several encodings of one picture
 * @property {number} [width]
 * @property {number} [height]
 * @property {number} [bitrate] bit/s
 * @property {number} [fps]
 *
 * @typedef {object} Stream
 * @property {string} name
 * @property {boolean} live false while its publisher is away
 * @property {'live' | 'waiting' | 'standby' | 'fallback' | 'stalled'} [state] what it has to offer
 * @property {string} [fallback] the stream that is shown while the publisher is away
 * @property {string} [source] 'camera', 'pattern', 'slate', 'whip'
 * @property {string} [sourceState] how a source of the server is, or that the publisher is silent, for people
 * @property {boolean} [snapshot] whether the server has pictures of it
 * @property {string} [lastPicture] RFC 3339: when the picture was taken that a source which is off showed last
 * @property {number} [viewers]
 * @property {string} [since] RFC 3339
 * @property {Track[]} [tracks]
 * @property {import('../text/warnings.js').Warning[]} [warnings] what of it hurts viewers
 *
 * @typedef {object} Session
 * @property {string} id
 * @property {'whip' | 'whep'} protocol
 * @property {string} stream
 * @property {string} state 'new', 'answered', 'connecting', 'connected', 'interrupted', 'closed'
 * @property {string} since RFC 3339
 * @property {string} [ended] likewise
 * @property {string} client address
 * @property {string} [path] 'udp', 'tcp', 'relay'
 * @property {string} [reason] why it ended
 * @property {string} code of the diagnosis
 * @property {string} [diagnosis] in words
 * @property {number} packets
 * @property {number} bytes of their payloads
 * @property {number} [loss] 0 to 1, as a viewer reported it last
 * @property {number} drops packets that a viewer was not sent
 * @property {number} [rttMs]
 * @property {import('../text/warnings.js').Warning[]} [warnings] what of a publisher's stream hurts viewers
 */

/** The server sends the list at once; a proxy that holds it back for so long, ms,
 * holds everything back. */
const SILENCE_LIMIT = 4_000;

/**
 * Events: "streams" (CustomEvent of Stream[]) at every change, "offline" when the
 * server is away, "unauthorized" when it wants another token; then the feed rests
 * until start is called with one. With sessions, "sessions" (CustomEvent of Session[])
 * too: that takes the publish token.
 */
export class Feed extends EventTarget {
  #token = '';
  #sessions;
  /** @type {AbortController | undefined} */
  #running;
  /** The last list as text: asking again is not a change. */
  #last = '';
  /** Whether publishing takes a token; known with the first list. @type {boolean | undefined} */
  publishToken;

  /** @param {{ sessions?: boolean }} [options] */
  constructor({ sessions = false } = {}) {
    super();
    this.#sessions = sessions;
  }

  /** @param {string} token */
  start(token) {
    this.stop();
    this.#token = token;
    this.#running = new AbortController();
    this.#run(this.#running.signal);
  }

  stop() {
    this.#running?.abort();
    this.#running = undefined;
    this.#last = '';
  }

  /** @param {AbortSignal} signal */
  async #run(signal) {
    const backoff = new Backoff({ first: 1_000, cap: 5_000 });
    while (!signal.aborted) {
      try {
        const followed = await this.#follow(signal);
        if (!followed) await this.#ask(signal);
        backoff.reset();
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof UnauthorizedError) {
          this.stop();
          this.dispatchEvent(new Event('unauthorized'));
          return;
        }
        this.#last = '';
        this.dispatchEvent(new Event('offline'));
      }
      await pause(backoff.next(), signal);
    }
  }

  /**
   * Follows the events until they end.
   * @param {AbortSignal} signal
   * @returns {Promise<boolean>} whether any came
   */
  async #follow(signal) {
    const request = new AbortController();
    const abort = () => request.abort();
    signal.addEventListener('abort', abort);
    const silence = setTimeout(abort, SILENCE_LIMIT);
    let came = false;
    try {
      const response = await this.#fetch(this.#sessions ? 'api/events?sessions' : 'api/events', 'text/event-stream', request.signal);
      const reader = response.body?.getReader();
      const decoder = new TextDecoder();
      const parser = new EventParser();
      for (;;) {
        const piece = await reader?.read();
        if (!piece || piece.done) return came;
        for (const event of parser.push(decoder.decode(piece.value, { stream: true }))) {
          came = true;
          clearTimeout(silence);
          if (event.type === 'streams') this.#heard(event.data);
          if (event.type === 'sessions') this.#heardSessions(event.data);
        }
      }
    } catch (error) {
      if (error instanceof UnauthorizedError || signal.aborted) throw error;
      return came; // asking once more tells whether the server is there at all
    } finally {
      clearTimeout(silence);
      signal.removeEventListener('abort', abort);
    }
  }

  /** @param {AbortSignal} signal */
  async #ask(signal) {
    const streams = await this.#fetch('api/streams', 'application/json', signal);
    this.#heard(await streams.text());
    if (!this.#sessions) return;
    const sessions = await this.#fetch('api/sessions', 'application/json', signal);
    this.#heardSessions(await sessions.text());
  }

  /** @param {string} path @param {string} type @param {AbortSignal} signal */
  async #fetch(path, type, signal) {
    const response = await fetch(new URL(path, root), {
      headers: { Accept: type, ...bearer(this.#token) },
      cache: 'no-store',
      signal,
    });
    if (response.status === 401 || response.status === 403) throw new UnauthorizedError();
    const got = response.headers.get('Content-Type') ?? '';
    if (!response.ok || !got.startsWith(type)) throw new Error(`status ${response.status}, ${got}`);
    return response;
  }

  /** @param {string} text */
  #heard(text) {
    const { streams = [], publishToken } = /** @type {{ streams?: Stream[], publishToken?: boolean }} */ (JSON.parse(text));
    this.publishToken = publishToken;
    if (text === this.#last) return;
    this.#last = text;
    this.dispatchEvent(new CustomEvent('streams', { detail: streams }));
  }

  /** @param {string} text */
  #heardSessions(text) {
    /** @type {Session[]} */
    const sessions = JSON.parse(text).sessions ?? [];
    this.dispatchEvent(new CustomEvent('sessions', { detail: sessions }));
  }
}

class UnauthorizedError extends Error {}
