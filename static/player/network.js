// @ts-check
// What the server knows of the path to this viewer, and what that means in words: Porthole's
// event "network". Pure.

import { bitrate } from '../lib/format.js';

/**
 * @typedef {object} Network
 * @property {string} state "steady", "early-warning" or "congested"
 * @property {string} limitedBy what holds the picture down; '' when nothing does
 * @property {number | undefined} estimate bit/s that the path carries; undefined while it has carried everything
 * @property {number | undefined} needs bit/s that the picture takes at least, with the sound
 * @property {boolean} fits the path carries that
 * @property {number | undefined} height of the picture that is sent, in pixels
 * @property {number} share of the pictures that is sent, 1 for all of them
 */

/** @typedef {import('./controls.js').Say} Say */

/**
 * Reads the data of the event.
 * @param {any} data
 * @returns {Network | undefined}
 */
export function readNetwork(data) {
  if (typeof data !== 'object' || data === null || typeof data.fits !== 'boolean') return undefined;
  const left = (data.temporalLayers ?? 1) - 1 - (data.temporal ?? 0);
  return {
    state: String(data.state ?? ''),
    limitedBy: String(data.limitedBy ?? ''),
    estimate: data.estimate,
    needs: data.needs,
    fits: data.fits,
    height: data.height,
    share: 2 ** -Math.max(left, 0),
  };
}

/**
 * The path is why pictures are late or few: nothing here would make it better.
 * @param {Network | undefined} network
 */
export function limits(network) {
  return network !== undefined && (network.limitedBy !== '' || !network.fits);
}

/**
 * The sentence over the picture when not even the lowest one fits; '' otherwise.
 * @param {Network | undefined} network
 * @param {Say} say
 */
export function tooNarrow(network, say) {
  if (!network || network.fits || !network.estimate || !network.needs) return '';
  return say('tooNarrow', { has: megabits(network.estimate, network.needs), needs: megabits(network.needs, network.estimate) });
}

/**
 * What the automatic choice of quality came to, when the path decided it; '' otherwise.
 * @param {Network | undefined} network
 * @param {Say} say
 */
export function automaticChoice(network, say) {
  if (!network || !limits(network) || !network.height || !network.estimate) return '';
  return say('automaticLimited', { height: network.height, rate: bitrate(network.estimate) });
}

/** What limits, by the server's word. */
const reasons = /** @type {const} */ ({
  queue: 'limitQueue', loss: 'limitLoss', remb: 'limitRemb', silence: 'limitSilence', probing: 'limitProbing',
});

/**
 * The estimate for the statistics.
 * @param {Network | undefined} network
 * @param {Say} say
 * @returns {{ value: string, note: string }}
 */
export function estimate(network, say) {
  if (!network) return { value: '–', note: '' };
  const reason = reasons[/** @type {keyof typeof reasons} */ (network.limitedBy)];
  return { value: network.estimate ? bitrate(network.estimate) : say('enough'), note: reason ? say(reason) : '' };
}

/**
 * How many of the pictures are sent, when not all are; '' otherwise.
 * @param {Network | undefined} network
 * @param {Say} say
 */
export function shareOfPictures(network, say) {
  return network && network.share < 1 ? say('someOf', { n: Math.round(1 / network.share) }) : '';
}

/** Mbit/s with as many digits as it takes to tell it from another. @param {number} bits @param {number} other */
function megabits(bits, other) {
  const digits = (bits / 1e6).toFixed(1) === (other / 1e6).toFixed(1) || bits < 95_000 ? 2 : 1;
  return (bits / 1e6).toFixed(digits);
}
