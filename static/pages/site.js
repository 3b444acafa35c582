// @ts-check
// Where this Porthole is.

import { root } from '../lib/root.js';

export { root };

/** @param {'watch' | 'publish' | 'embed' | 'whip' | 'whep'} place @param {string} stream */
export function address(place, stream) {
  return new URL(`${place}/${encodeURIComponent(stream)}`, root).href;
}

/** What a stream may be called; the same rule as the server's. */
export const streamNamePattern = '(?!\\.{1,2}$)[A-Za-z0-9_.\\-]{1,64}';
