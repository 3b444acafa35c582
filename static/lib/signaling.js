// @ts-check
// The half of HTTP that WHIP (RFC 9725) and WHEP share: one offer out, one answer
// in, a resource to delete at the end. It decides nothing about trying again.

import { retryAfter } from './backoff.js';
import { extensions, iceServers } from './link.js';

/** How long an offer waits for its candidates, ms. A browser behind a broken
 * network gathers for 40 s; what it found in one second is what is worth having. */
export const GATHERING_LIMIT = 1_000;

/** Without servers to ask, the candidates that matter come at once, ms: after them, Chrome
 * takes its time for those of TCP, which nobody has to be told. */
const SETTLED = 40;

/** How long the server may take to answer a request, ms. */
const REQUEST_LIMIT = 10_000;

/** How long a connection stays for the server to answer that the session is over, ms. */
const RELEASE_LIMIT = 1_000;

/** A longer explanation than this is somebody's error page, not a sentence. */
const LONGEST_DETAIL = 400;

/** The request was answered, but not with what was asked for. */
export class RefusedError extends Error {
  /**
   * @param {number} status HTTP status
   * @param {string} detail the server's words, or ''
   * @param {number} [retryAfter] ms, when the server gave one
   */
  constructor(status, detail, retryAfter) {
    super(detail || `The server answered with status ${status}.`);
    this.name = 'RefusedError';
    this.status = status;
    this.detail = detail;
    this.retryAfter = retryAfter;
  }
}

/**
 * @typedef {object} Resource what the server made of an offer
 * @property {string | undefined} url of the session, absolute; undefined when the
 *   server gave no Location, and then nothing can be deleted
 * @property {string} [etag] of its ICE session, for a restart
 * @property {RTCIceServer[]} iceServers that the server offers
 * @property {import('./link.js').Extension[]} extensions that it has for this session
 */

/**
 * @typedef {object} Begun a request that was sent before
 * @property {Promise<Response>} response
 * @property {() => void} cancel
 */

/**
 * Offers the connection to an endpoint and applies the answer.
 * @param {RTCPeerConnection} connection with its transceivers
 * @param {object} options
 * @param {string} options.endpoint absolute URL
 * @param {string} [options.token] sent as a Bearer token
 * @param {AbortSignal} options.signal
 * @param {(sdp: string) => string} [options.adjust] edits the offer before it is set
 * @param {(sdp: string) => string} [options.adjustAnswer] edits the answer before it is set
 * @param {(resource: Resource) => void} options.onResource told as soon as the server
 *   holds a session, even when the answer then turns out to be unusable
 * @param {boolean} [options.hurry] as for gathered()
 * @param {(sdp: string) => void} [options.onOffer] told what was sent
 * @param {Begun & { offered?: Promise<string> }} [options.begun] when the offer was made and sent already
 * @returns {Promise<void>} rejected with RefusedError, with TypeError when there is no
 *   way to the server, with the signal's reason, or with what the browser says about the SDP
 */
export async function negotiate(connection, { endpoint, token, signal, adjust, adjustAnswer, onOffer, onResource, begun, hurry }) {
  if (!begun) {
    await setLocal(connection, await connection.createOffer(), adjust);
    await gathered(connection, GATHERING_LIMIT, signal, hurry);
  }
  const offer = begun ? undefined : connection.localDescription?.sdp;
  const { response, body } = await exchange(endpoint, {
    method: 'POST', body: offer, expect: 201, token, signal, begun,
  });
  onOffer?.(offer ?? await begun?.offered ?? '');
  takeResource(connection, response, onResource);
  signal.throwIfAborted();
  await connection.setRemoteDescription({ type: 'answer', sdp: adjustAnswer?.(body) ?? body });
}

/**
 * The same with the roles swapped: asks the endpoint for an offer of its own, a WHEP
 * counter-offer, and answers that. The server then controls ICE, which connects where
 * the other way round did not. Endpoints that know no counter-offers refuse.
 * @param {RTCPeerConnection} connection without transceivers
 * @param {object} options as for negotiate
 * @param {string} options.endpoint
 * @param {string} [options.token]
 * @param {AbortSignal} options.signal
 * @param {(sdp: string) => string} [options.adjust] edits the answer before it is set
 * @param {(resource: Resource) => void} options.onResource
 * @returns {Promise<void>}
 */
export async function negotiateSwapped(connection, { endpoint, token, signal, adjust, onResource }) {
  const { response, body } = await exchange(endpoint, {
    method: 'POST', headers: { Prefer: 'counter-offer' }, expect: 406, token, signal,
  });
  const url = takeResource(connection, response, onResource);
  if (!url) throw new RefusedError(response.status, 'The server made an offer, but named no place for the answer.');
  signal.throwIfAborted();
  await connection.setRemoteDescription({ type: 'offer', sdp: body });
  await setLocal(connection, await connection.createAnswer(), adjust);
  await gathered(connection, GATHERING_LIMIT, signal);
  await exchange(url, { method: 'PATCH', body: connection.localDescription?.sdp, expect: 204, token, signal });
}

/**
 * Takes over what the server says about the session beside the SDP.
 * @param {RTCPeerConnection} connection
 * @param {Response} response
 * @param {(resource: Resource) => void} onResource
 * @returns {string | undefined} the session's URL
 */
function takeResource(connection, response, onResource) {
  const location = response.headers.get('Location');
  const link = response.headers.get('Link');
  const servers = iceServers(link);
  // Relative to where the answer came from, which after a redirect is not the endpoint.
  const url = location ? new URL(location, response.url).href : undefined;
  const etag = response.headers.get('ETag') ?? undefined;
  onResource({ url, etag, iceServers: servers, extensions: extensions(link, response.url) });
  if (servers.length > 0) {
    // An answer of ours is still to gather with them; after an offer, an ICE restart will.
    const configuration = connection.getConfiguration();
    connection.setConfiguration({ ...configuration, iceServers: mergeServers(configuration.iceServers ?? [], servers) });
  }
  return url;
}

/**
 * Both lists, without the older entry where both have the same server.
 * @param {RTCIceServer[]} older
 * @param {RTCIceServer[]} newer
 */
export function mergeServers(older, newer) {
  const known = new Set(newer.map(({ urls }) => String(urls)));
  return [...older.filter(({ urls }) => !known.has(String(urls))), ...newer];
}

/**
 * Sends one description or fragment, if any, and reads what comes back.
 * @param {string} url
 * @param {object} options
 * @param {'POST' | 'PATCH'} options.method
 * @param {string} [options.type] media type of the body
 * @param {string} [options.body]
 * @param {Record<string, string>} [options.headers] beside the usual ones
 * @param {number} options.expect the status that is no refusal
 * @param {string} [options.token]
 * @param {AbortSignal} options.signal
 * @param {Begun} [options.begun] when it was sent already
 */
export async function exchange(url, { method, type, body, headers, expect, token, signal, begun }) {
  const request = new AbortController();
  const abort = () => request.abort(signal.reason);
  const timer = setTimeout(() => request.abort(new TypeError('no answer in time')), REQUEST_LIMIT);
  signal.addEventListener('abort', abort);
  try {
    const response = await (begun
      ? answered(begun, request.signal)
      : send(url, { method, type, body, headers, token, signal: request.signal }));
    if (response.status !== expect) throw await refusal(response);
    return { response, body: await response.text() };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

/**
 * Sends one description or fragment, if any, without a judgement of the answer.
 * @param {string} url
 * @param {{ method?: 'POST' | 'PATCH', type?: string, body?: string, headers?: Record<string, string>,
 *   token?: string, signal: AbortSignal }} options as for exchange
 * @returns {Promise<Response>} rejected as fetch() does
 */
export function send(url, { method = 'POST', type = 'application/sdp', body, headers, token, signal }) {
  return fetch(url, {
    method,
    headers: { 'Content-Type': type, Accept: type, ...bearer(token), ...headers },
    body: body ?? '',
    signal,
    cache: 'no-store',
    referrerPolicy: 'no-referrer',
  });
}

/**
 * The answer to what was sent before, unless the signal comes first.
 * @param {Begun} begun
 * @param {AbortSignal} signal
 * @returns {Promise<Response>}
 */
function answered({ response, cancel }, signal) {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => {
      cancel();
      reject(signal.reason);
    });
    response.then(resolve, reject);
  });
}

/**
 * Ends a session: at the server, and then here. In this order, because a server that
 * hears the goodbye of the connection first has no session left to delete. The request
 * is sent even while the page goes away, and a server that misses it finds out by
 * itself that nobody is there.
 * @param {RTCPeerConnection} connection closed when the server has answered, or soon
 * @param {string | undefined} url of the session; undefined when there is none
 * @param {string} [token]
 */
export function release(connection, url, token) {
  if (!url) {
    connection.close();
    return;
  }
  const timer = setTimeout(() => connection.close(), RELEASE_LIMIT);
  fetch(url, { method: 'DELETE', headers: bearer(token), keepalive: true, referrerPolicy: 'no-referrer' })
    .catch(() => {})
    .finally(() => {
      clearTimeout(timer);
      connection.close();
    });
}

/**
 * @param {string} [token]
 * @returns {Record<string, string>}
 */
export function bearer(token) {
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/**
 * Reads why a request was refused: a problem document (RFC 9457) or a line of text.
 * @param {Response} response
 * @returns {Promise<RefusedError>}
 */
export async function refusal(response) {
  const wait = retryAfter(response.headers.get('Retry-After'), Date.now());
  const type = response.headers.get('Content-Type') ?? '';
  let detail = '';
  try {
    const body = await response.text();
    if (/[/+]json\b/i.test(type)) {
      const problem = JSON.parse(body);
      detail = [problem.detail, problem.error, problem.title].find((text) => typeof text === 'string') ?? '';
    } else if (/^text\/plain\b/i.test(type)) {
      detail = body;
    }
  } catch {
    // The status says enough when the body cannot be read.
  }
  detail = detail.trim();
  return new RefusedError(response.status, detail.length <= LONGEST_DETAIL ? detail : '', wait);
}

/**
 * @param {RTCPeerConnection} connection
 * @param {RTCSessionDescriptionInit} description of the connection's own making
 * @param {((sdp: string) => string) | undefined} adjust
 */
export async function setLocal(connection, description, adjust) {
  const adjusted = adjust?.(description.sdp ?? '');
  if (adjusted !== undefined && adjusted !== description.sdp) {
    try {
      await connection.setLocalDescription({ type: description.type, sdp: adjusted });
      return;
    } catch {
      // A browser may refuse any edited description; its own one works as well.
    }
  }
  await connection.setLocalDescription(description);
}

/**
 * Waits until every candidate is in the local description, but not for ever.
 * @param {RTCPeerConnection} connection
 * @param {number} limit ms
 * @param {AbortSignal} signal
 * @param {boolean} [hurry] waits only until no more have come for a moment, where there is no
 *   server to ask for one; the rest is to be told later
 * @returns {Promise<void>}
 */
export function gathered(connection, limit, signal, hurry = false) {
  if (connection.iceGatheringState === 'complete') return Promise.resolve();
  return new Promise((resolve, reject) => {
    const done = new AbortController();
    /** @param {() => void} settle */
    const finish = (settle) => {
      clearTimeout(timer);
      clearTimeout(quiet);
      done.abort();
      settle();
    };
    const timer = setTimeout(() => finish(resolve), limit);
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let quiet;
    if (hurry && (connection.getConfiguration().iceServers ?? []).length === 0) {
      connection.addEventListener('icecandidate', () => {
        clearTimeout(quiet);
        quiet = setTimeout(() => finish(resolve), SETTLED);
      }, { signal: done.signal });
    }
    connection.addEventListener('icegatheringstatechange', () => {
      if (connection.iceGatheringState === 'complete') finish(resolve);
    }, { signal: done.signal });
    signal.addEventListener('abort', () => finish(() => reject(signal.reason)), { signal: done.signal });
  });
}
