// @ts-check
// Gives a session another path without making it anew: an ICE restart (RFC 9725, section
// 4.3.3). Media and keys stay; what changes is where the packets go.

import { restartFragment, withFragment } from './fragment.js';
import { exchange, gathered, GATHERING_LIMIT, setLocal } from './signaling.js';

/**
 * @param {RTCPeerConnection} connection that made the offer of its session
 * @param {object} options
 * @param {string} options.url of the session
 * @param {string} [options.etag] of its ICE session
 * @param {string} [options.token]
 * @param {AbortSignal} options.signal
 * @param {(sdp: string) => string} [options.adjust] as for the first offer
 * @returns {Promise<string | undefined>} the new ETag; rejected as negotiate() in
 *   signaling.js is, and then the connection is as it was
 */
export async function restartIce(connection, { url, etag, token, signal, adjust }) {
  const before = connection.remoteDescription?.sdp ?? '';
  await setLocal(connection, await connection.createOffer({ iceRestart: true }), adjust);
  try {
    await gathered(connection, GATHERING_LIMIT, signal);
    const { response, body } = await exchange(url, {
      method: 'PATCH',
      type: 'application/trickle-ice-sdpfrag',
      body: restartFragment(connection.localDescription?.sdp ?? ''),
      headers: { 'If-Match': etag ?? '*' },
      expect: 200,
      token,
      signal,
    });
    signal.throwIfAborted();
    const sdp = withFragment(before, body);
    if (!sdp) throw new Error('The server answered the ICE restart without credentials.');
    await connection.setRemoteDescription({ type: 'answer', sdp });
    return response.headers.get('ETag') ?? undefined;
  } catch (error) {
    // Best effort: a connection that is closed by now has nothing to go back to.
    if (connection.signalingState === 'have-local-offer') {
      await connection.setLocalDescription({ type: 'rollback' }).catch(() => {});
    }
    throw error;
  }
}
