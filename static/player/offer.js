// @ts-check
// The connection that a viewer offers: it receives, and asks for what a player can use.

/** When a picture was taken, in the clock of its sender. */
const captureTime = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time';

/**
 * @param {object} options
 * @param {RTCIceServer[]} options.iceServers
 * @param {RTCIceTransportPolicy} options.policy
 * @param {boolean} [options.swapped] the server offers: nothing is asked for here
 */
export function receiver({ iceServers, policy, swapped = false }) {
  const connection = new RTCPeerConnection({ iceServers, iceTransportPolicy: policy, bundlePolicy: 'max-bundle' });
  if (!swapped) {
    // Video first: it owns the bundle's transport, and streams without sound are
    // common where streams without pictures are not.
    askForCaptureTime(connection.addTransceiver('video', { direction: 'recvonly' }));
    connection.addTransceiver('audio', { direction: 'recvonly' });
  }
  return connection;
}

/**
 * Chrome reads the time at which a picture was taken, but does not ask for it by itself.
 * A server that does not know the extension leaves it out of its answer.
 * @param {RTCRtpTransceiver} transceiver
 */
function askForCaptureTime(transceiver) {
  /** @type {any} not in TypeScript's library yet */
  const extensible = transceiver;
  const known = extensible.getHeaderExtensionsToNegotiate?.() ?? [];
  for (const extension of known) if (extension.uri === captureTime) extension.direction = 'recvonly';
  if (known.length > 0) extensible.setHeaderExtensionsToNegotiate?.(known);
}
