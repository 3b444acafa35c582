// @ts-check
// What a Porthole server tells beyond WHEP: how a stream is, why a connection failed, what
// time it is. All of it is optional. It is asked only of the server that this module was
// loaded from, which is a Porthole; other servers are never asked.

import { root } from '../lib/root.js';
import { bearer } from '../lib/signaling.js';

/** A question that is not answered within so long is not worth waiting for, ms. */
const LIMIT = 2_500;

/**
 * @typedef {object} About how a stream is
 * @property {string} [state] 'live', 'waiting', 'standby', 'fallback' or 'stalled'
 * @property {string} [sourceState] of a source at the server, as 'camera unplugged'
 * @property {string} [fallback] the stream that is shown in its place
 * @property {number} [viewers]
 */

/**
 * The stream's name, if the endpoint is one of the server that this module came from.
 * @param {string} endpoint absolute URL
 * @returns {string | undefined}
 */
export function ownStream(endpoint) {
  const prefix = new URL('whep/', root).href;
  const [name, ...rest] = endpoint.startsWith(prefix) ? endpoint.slice(prefix.length).split(/[/?#]/) : [''];
  return name && rest.length === 0 ? decodeURIComponent(name) : undefined;
}

/**
 * @param {string} stream that is there
 * @param {string} [token]
 * @returns {Promise<About | undefined>} undefined when there is no answer, or no such stream any more
 */
export async function aboutStream(stream, token) {
  return ask(`api/streams/${encodeURIComponent(stream)}`, token);
}

/**
 * @param {string} [token]
 * @returns {Promise<import('../lib/feed.js').Stream[] | undefined>} undefined when there is no answer
 */
export async function allStreams(token) {
  return (await ask('api/streams', token))?.streams;
}

/**
 * Why a session has no connection, in the server's words.
 * @param {string} session its URL
 * @param {string} [token]
 * @returns {Promise<{ detail?: string, code?: string }>} nothing when the server does not know
 */
export async function diagnose(session, token) {
  const own = ['whep/', 'whip/'].some((path) => session.startsWith(new URL(path, root).href));
  const id = own ? session.split('/').pop() : undefined;
  if (!id) return {};
  const answer = await ask(`api/sessions/${id}/diagnosis`, token);
  return typeof answer?.diagnosis === 'string' && answer.diagnosis !== ''
    ? { detail: answer.diagnosis, code: typeof answer.code === 'string' ? answer.code : undefined }
    : {};
}

/** @returns {Promise<number>} the server's time, ms since the epoch; rejected when it does not tell */
export async function serverTime() {
  const answer = await ask('api/time');
  if (typeof answer?.time !== 'number') throw new Error('the server does not tell its time');
  return answer.time / 1000;
}

/**
 * @param {string} path
 * @param {string} [token]
 * @returns {Promise<any>} the answer, or undefined
 */
async function ask(path, token) {
  const request = new AbortController();
  const timer = setTimeout(() => request.abort(), LIMIT);
  try {
    const response = await fetch(new URL(path, root), {
      headers: { Accept: 'application/json', ...bearer(token) },
      cache: 'no-store', referrerPolicy: 'no-referrer', signal: request.signal,
    });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
