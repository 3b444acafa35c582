// @ts-check
// What a player can be doing, and what it does after a failure. Pure.

import { NoRelayError } from '../lib/servers.js';
import { RefusedError } from '../lib/signaling.js';

/**
 * - idle: not asked to play
 * - connecting: the server is asked, or the media path is being made
 * - waiting: the server knows the stream, and nobody is publishing it now
 * - playing: pictures (or sound, where there are no pictures) arrive
 * - stalled: connected, but no picture for a while
 * - reconnecting: the connection or the server was lost
 * - unauthorized: no token, a wrong one, or one for another stream
 * - unknown: the server has no such stream
 * - full: the server has no place left, or is asked too often
 * - refused: the server does not take this offer
 * @typedef {'idle' | 'connecting' | 'waiting' | 'playing' | 'stalled' | 'reconnecting' |
 *   'unauthorized' | 'unknown' | 'full' | 'refused'} StateName
 */

/**
 * Why a connection has to be made again.
 * - unreachable: no HTTP answer
 * - server: the server failed (5xx)
 * - path: no media path within the time that one takes
 * - lost: the connection broke, or the server ended it
 * - frozen: connected, but pictures stopped
 * - unusable: the browser could not use the answer
 * - network: the path broke or the network changed, and another path is looked for
 * - behind: the picture was late, and did not catch up
 * - asked: the server wants a new session
 * - relay: only a relay is allowed, and there is none
 * - away: the publisher has gone, and may be back on the same connection
 * - narrow: the network carries less than the picture takes
 * @typedef {'unreachable' | 'server' | 'path' | 'lost' | 'frozen' | 'unusable' | 'network' | 'behind' | 'asked' |
 *   'relay' | 'away' | 'narrow'} Reason
 */

/**
 * @typedef {object} State
 * @property {StateName} name
 * @property {Reason} [reason]
 * @property {string} [detail] in the server's or the browser's words
 * @property {string} [code] what the server found out about a failed connection, for words
 *   in other languages
 * @property {number} [status] HTTP status of the refusal
 * @property {number} [retryAt] when the next attempt starts, ms since the epoch;
 *   undefined while one is under way or when none will be made
 */

/**
 * A failure: the state to show, and how long to wait before the next attempt:
 * milliseconds, 'backoff' for the next one of the back-off, or 'never'.
 * `bound` means that the wait is the server's wish and nothing may shorten it.
 * @typedef {{ state: State, wait: number | 'backoff' | 'never', bound?: boolean }} Failure
 */

/** Between two questions whether a stream has started, when the server names no time, ms. */
const POLL_WAITING = 2_000;

/** A refused offer is refused again, unless the publisher changes; ms. */
const POLL_REFUSED = 30_000;

/**
 * @param {unknown} error from the opening of a session
 * @returns {Failure}
 */
export function failureOf(error) {
  if (error instanceof RefusedError) return refusalOf(error);
  // fetch() rejects with TypeError for everything between here and the server.
  if (error instanceof TypeError) {
    return { state: { name: 'reconnecting', reason: 'unreachable' }, wait: 'backoff' };
  }
  if (error instanceof NoRelayError) return { state: { name: 'refused', reason: 'relay' }, wait: POLL_REFUSED };
  const detail = error instanceof Error ? error.message : String(error);
  return { state: { name: 'reconnecting', reason: 'unusable', detail }, wait: 'backoff' };
}

/**
 * Whether a 403 is about the site that the page is from: the server names the flag that
 * opens it.
 * @param {string | undefined} detail
 */
export function isForeignPage(detail) {
  return detail?.includes('--allow-origin') ?? false;
}

/**
 * @param {RefusedError} error
 * @returns {Failure}
 */
function refusalOf({ status, detail, retryAfter }) {
  switch (status) {
    case 401:
    case 403:
      if (isForeignPage(detail)) break; // a token would not help
      return { state: { name: 'unauthorized', status, detail }, wait: 'never' };
    case 404:
      return { state: { name: 'unknown', status, detail }, wait: retryAfter ?? 'backoff' };
    case 409:
      return { state: { name: 'waiting', status, detail }, wait: retryAfter ?? POLL_WAITING };
    case 429:
    case 503:
      return { state: { name: 'full', status, detail }, wait: retryAfter ?? 'backoff', bound: retryAfter !== undefined };
  }
  if (status >= 500) {
    return { state: { name: 'reconnecting', reason: 'server', status, detail }, wait: retryAfter ?? 'backoff' };
  }
  return { state: { name: 'refused', status, detail }, wait: retryAfter ?? POLL_REFUSED };
}

/**
 * Whether an embedding page would call the state an error.
 * @param {State} state
 */
export function isError({ name }) {
  return name === 'reconnecting' || name === 'unauthorized' || name === 'unknown' || name === 'full' || name === 'refused';
}
