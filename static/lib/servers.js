// @ts-check
// STUN and TURN servers that a page names, or that are asked for before an offer.

import { iceServers } from './link.js';
import { bearer } from './signaling.js';

/** Only a relay is allowed, and nobody offers one. */
export class NoRelayError extends Error {
  constructor() {
    super('No TURN server is known.');
    this.name = 'NoRelayError';
  }
}

/** @param {RTCIceServer[]} servers */
export function hasRelay(servers) {
  return servers.some(({ urls }) => [urls].flat().some((url) => /^turns?:/i.test(url)));
}

/**
 * The servers that an endpoint offers before there is a session (RFC 9725, section 4.6:
 * OPTIONS). Only where nothing can be gathered without them, for it costs a round trip.
 * @param {string} endpoint
 * @param {string | undefined} token
 * @param {AbortSignal} signal
 * @returns {Promise<RTCIceServer[]>} none where the endpoint does not tell; rejected with
 *   TypeError when there is no way to the server
 */
export async function askServers(endpoint, token, signal) {
  const response = await fetch(endpoint, {
    method: 'OPTIONS', headers: bearer(token), signal, cache: 'no-store', referrerPolicy: 'no-referrer',
  });
  await response.text(); // empty; left unread it would count as given up
  return iceServers(response.headers.get('Link'));
}

/**
 * Reads the attribute ice-servers: a JSON list as RTCPeerConnection takes it. What it
 * would throw for is left out, so that one mistake does not cost the picture.
 * @param {string | null} text
 * @returns {RTCIceServer[]}
 */
export function readServers(text) {
  /** @type {unknown} */
  let list;
  try {
    list = JSON.parse(text || '[]');
  } catch {
    console.warn('whep-video: the attribute ice-servers is no JSON');
    return [];
  }
  return (Array.isArray(list) ? list : [list]).filter((server) => {
    const urls = [server?.urls].flat();
    const usable = urls.length > 0 && urls.every((url) => typeof url === 'string' && /^(stuns?|turns?):\S+$/i.test(url));
    const named = typeof server?.username === 'string' && typeof server?.credential === 'string';
    return usable && (named || !hasRelay([server]));
  });
}
