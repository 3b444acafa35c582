// @ts-check
// A session that a page begins before the player is there: the page's own first script
// offers, while the browser still loads the rest, and the player takes over. Both have
// their own copy of this module, so that what was begun lies on the window.

import { gathered, GATHERING_LIMIT, send, setLocal } from '../lib/signaling.js';
import { withStereo } from '../lib/sdp.js';
import { receiver } from './offer.js';

/** Where it lies. */
const place = Symbol.for('porthole.begun');

/** Not taken within so long, it is given up, ms: the server ends such a session, too. */
const KEPT = 15_000;

/**
 * @typedef {object} Asked what is offered for
 * @property {string} endpoint absolute URL
 * @property {string} [token]
 * @property {RTCIceTransportPolicy} policy
 *
 * @typedef {object} Begun
 * @property {Asked} asked
 * @property {RTCPeerConnection} connection with its offer
 * @property {Promise<Response>} response to the offer; rejected as fetch() does
 * @property {Promise<string>} offered the SDP that was sent
 * @property {() => void} cancel ends the request
 * @property {ReturnType<typeof setTimeout>} timer until it is given up
 */

/** @type {{ [place]?: Begun }} */
const holder = /** @type {any} */ (globalThis);

/** @param {Asked} asked */
export function begin(asked) {
  const connection = receiver({ iceServers: [], policy: asked.policy });
  const ending = new AbortController();
  const cancel = () => ending.abort();
  const offered = offer(connection, ending.signal);
  const response = offered.then((body) => send(asked.endpoint, { body, token: asked.token, signal: ending.signal }));
  for (const promise of [offered, response]) promise.catch(() => {}); // whoever takes it hears of it
  holder[place] = { asked, connection, offered, response, cancel, timer: setTimeout(drop, KEPT) };
}

/** @param {RTCPeerConnection} connection @param {AbortSignal} signal @returns {Promise<string>} its SDP */
async function offer(connection, signal) {
  await setLocal(connection, await connection.createOffer(), withStereo);
  await gathered(connection, GATHERING_LIMIT, signal, true);
  return connection.localDescription?.sdp ?? '';
}

function drop() {
  const begun = take();
  begun?.cancel();
  begun?.connection.close();
}

function take() {
  const begun = holder[place];
  clearTimeout(begun?.timer);
  delete holder[place];
  return begun;
}

/**
 * Takes what was begun, once. What was begun for something else is given up.
 * @param {Asked} asked
 * @returns {Begun | undefined}
 */
export function takeBegun({ endpoint, token, policy }) {
  const asked = holder[place]?.asked;
  if (asked?.endpoint === endpoint && asked.policy === policy && (asked.token || '') === (token || '')) return take();
  drop();
  return undefined;
}
