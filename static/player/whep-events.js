// @ts-check
// What the server tells about the stream while it is watched: the WHEP extension
// "server-sent events". Read with fetch() and not with EventSource, which can neither send
// a token nor tell a 404 from a server that is away.

import { Backoff } from '../lib/backoff.js';
import { bearer, RefusedError, refusal } from '../lib/signaling.js';
import { EventParser } from '../lib/sse.js';
import { pause } from '../lib/wait.js';

/** The Link relation of the extension. */
export const relEvents = 'urn:ietf:params:whep:ext:core:server-sent-events';

/** The events that are of use here. */
const wanted = ['active', 'inactive', 'layers', 'network', 'reconnect', 'viewercount'];

/**
 * @typedef {object} Told
 * @property {string} type one of the wanted
 * @property {any} data the event's JSON
 */

/** One feed of one session, from start to stop. */
export class WhepEvents {
  #url;
  #names;
  #token;
  #heard;
  /** @type {string | undefined} where the events are, once the server has said so */
  #feed;
  /** @type {AbortController | undefined} */
  #running;

  /**
   * @param {import('../lib/link.js').Extension} extension of the session
   * @param {object} options
   * @param {string} [options.token]
   * @param {(told: Told) => void} options.heard
   */
  constructor({ url, params }, { token, heard }) {
    const offered = params.get('events')?.split(/[\s,]+/);
    this.#url = url;
    this.#names = offered ? wanted.filter((name) => offered.includes(name)) : wanted;
    this.#token = token;
    this.#heard = heard;
  }

  /** Follows the events until stop. Following already, it does nothing. */
  start() {
    if (this.#running || this.#names.length === 0) return;
    this.#running = new AbortController();
    this.#run(this.#running.signal);
  }

  /** A later start goes on with the same feed; the session's end ends it at the server. */
  stop() {
    this.#running?.abort();
    this.#running = undefined;
  }

  /** @param {AbortSignal} signal */
  async #run(signal) {
    const backoff = new Backoff({ first: 2_000, cap: 30_000 });
    while (!signal.aborted) {
      try {
        this.#feed ??= await this.#create(signal);
        await this.#read(this.#feed, signal, () => backoff.reset());
      } catch (error) {
        // The session is over, or the server has changed its mind: there is nothing to follow.
        if (error instanceof RefusedError && error.status < 500 && error.status !== 429) return;
      }
      await pause(backoff.next(), signal);
    }
  }

  /** @param {AbortSignal} signal @returns {Promise<string>} */
  async #create(signal) {
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...bearer(this.#token) },
      body: JSON.stringify(this.#names),
      signal,
      referrerPolicy: 'no-referrer',
    });
    const location = response.headers.get('Location');
    if (response.status !== 201 || !location) throw await refusal(response);
    await response.text(); // empty; left unread it would count as given up
    return new URL(location, response.url).href;
  }

  /** @param {string} feed @param {AbortSignal} signal @param {() => void} came */
  async #read(feed, signal, came) {
    const response = await fetch(feed, {
      headers: { Accept: 'text/event-stream' }, signal, cache: 'no-store', referrerPolicy: 'no-referrer',
    });
    if (!response.ok) throw await refusal(response);
    const reader = response.body?.getReader();
    const decoder = new TextDecoder();
    const parser = new EventParser();
    for (;;) {
      const piece = await reader?.read();
      if (!piece || piece.done || signal.aborted) return;
      for (const { type, data } of parser.push(decoder.decode(piece.value, { stream: true }))) {
        came();
        if (this.#names.includes(type)) this.#heard({ type, data: parsed(data) });
      }
    }
  }
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the event's name alone says most of it
  }
}
