// @ts-check
// The encodings of a stream that a viewer can choose from, and the choice: the WHEP
// extension "layer".

import { bearer, refusal } from '../lib/signaling.js';

/** The Link relation of the extension. */
export const relLayer = 'urn:ietf:params:whep:ext:core:layer';

/**
 * @typedef {object} Layer one encoding of the picture
 * @property {string} id made of what the server calls it; the same as long as it exists
 * @property {string} mediaId the section of the SDP that it belongs to
 * @property {string} [rid]
 * @property {number} [spatialLayerId]
 * @property {number} [width] pixels
 * @property {number} [height]
 * @property {number} [bitrate] bit/s; undefined when nothing comes of it at the moment
 */

/**
 * Reads the data of a "layers" event. Pure.
 * @param {any} data
 * @returns {Layer[]} of the first picture that has several, best first; none when there is no choice
 */
export function readLayers(data) {
  if (typeof data !== 'object' || data === null) return [];
  for (const [mediaId, list] of Object.entries(data)) {
    // The draft has {"0": {"active": [...]}}, servers of today {"0": [...]}.
    const encodings = Array.isArray(list) ? list : (list?.active ?? list?.layers);
    if (!Array.isArray(encodings) || encodings.length < 2) continue;
    return encodings
      .filter((entry) => typeof entry === 'object' && entry !== null)
      .map((entry) => layerOf(mediaId, entry))
      .sort((a, b) => (b.height ?? 0) - (a.height ?? 0) || (b.bitrate ?? 0) - (a.bitrate ?? 0));
  }
  return [];
}

/** @param {string} mediaId @param {Record<string, any>} entry @returns {Layer} */
function layerOf(mediaId, entry) {
  const rid = entry.rid ?? entry.encodingId;
  return {
    id: rid ?? `spatial ${entry.spatialLayerId}`,
    mediaId,
    rid,
    spatialLayerId: entry.spatialLayerId,
    width: entry.width,
    height: entry.height,
    bitrate: entry.bitrate,
  };
}

/**
 * Asks for one layer, or leaves the choice to the server again.
 * @param {string} url of the extension
 * @param {Layer | undefined} layer undefined: the server chooses
 * @param {string} [token]
 * @returns {Promise<void>} rejected with RefusedError, or TypeError when there is no way to the server
 */
export async function chooseLayer(url, layer, token) {
  const response = await fetch(url, {
    method: layer ? 'POST' : 'DELETE',
    headers: { ...(layer ? { 'Content-Type': 'application/json' } : {}), ...bearer(token) },
    ...(layer ? { body: JSON.stringify(request(layer)) } : {}),
    referrerPolicy: 'no-referrer',
  });
  if (!response.ok) throw await refusal(response);
}

/** @param {Layer} layer */
function request({ mediaId, rid, spatialLayerId }) {
  return rid === undefined
    ? { mediaId, spatialLayerId, maxSpatialLayerId: spatialLayerId }
    : { mediaId, rid, encodingId: rid };
}
