// @ts-check
// Temporal layers: pictures that others do not refer to, so that the server can send fewer of them
// a second to a viewer whose network carries no more, and all of them to the others.

/** Layers that a browser may be asked for, the most useful first (W3C WebRTC-SVC). */
const modes = ['L1T3', 'L1T2'];

/**
 * @typedef {object} Video what is to be sent
 * @property {string} mimeType of the codec, 'video/VP8'
 * @property {string} [sdpFmtpLine]
 * @property {number} [width]
 * @property {number} [height]
 * @property {number} [frameRate]
 * @property {number} bitrate bit/s
 */

/**
 * The mode with the most layers that the browser encodes; undefined where it has none, or where
 * it would leave an encoder in hardware for it: a phone that gets hot publishes nothing for long.
 * @param {Video} video
 * @param {Pick<MediaCapabilities, 'encodingInfo'> | undefined} capabilities navigator.mediaCapabilities
 * @returns {Promise<string | undefined>}
 */
export async function temporalMode({ mimeType, sdpFmtpLine, width, height, frameRate, bitrate }, capabilities) {
  /** @param {string} [scalabilityMode] */
  const ask = (scalabilityMode) => capabilities?.encodingInfo({
    type: 'webrtc',
    video: {
      contentType: sdpFmtpLine ? `${mimeType};${sdpFmtpLine}` : mimeType,
      width: width ?? 1280, height: height ?? 720, framerate: frameRate ?? 30, bitrate,
      ...(scalabilityMode && { scalabilityMode }),
    },
  });
  try {
    const plain = await ask();
    for (const mode of modes) {
      const info = await ask(mode);
      if (info?.supported && (info.powerEfficient || !plain?.powerEfficient)) return mode;
    }
  } catch { // a browser that does not know the question
  }
  return undefined;
}

/**
 * Asks the browser for temporal layers in each encoding that a sender sends. It may say no: the
 * stream is whole without them.
 * @param {RTCRtpSender} sender of video, negotiated
 * @param {number} bitrate highest, bit/s
 * @param {Pick<MediaCapabilities, 'encodingInfo'> | undefined} capabilities navigator.mediaCapabilities
 */
export async function askForTemporalLayers(sender, bitrate, capabilities) {
  const [codec] = sender.getParameters().codecs ?? [];
  if (!codec || !sender.track) return;
  const scalabilityMode = await temporalMode({ ...codec, ...sender.track.getSettings(), bitrate }, capabilities);
  const parameters = sender.getParameters(); // those from before the question have expired
  if (!scalabilityMode || !parameters.encodings?.length) return;
  for (const encoding of parameters.encodings) Object.assign(encoding, { scalabilityMode });
  await sender.setParameters(parameters).catch(() => {});
}
