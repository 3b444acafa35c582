// @ts-check
// How far the server's clock is from this computer's, found out as NTP does it: ask a few
// times, and believe the answer that came back fastest.

/** Questions of one measurement. The first one may pay for the connection. */
const QUESTIONS = 6;

/**
 * @typedef {object} Offset
 * @property {number} offset ms to add to this computer's clock to get the server's
 * @property {number} error ms by which it may be wrong
 */

/** This computer's clock: ms since the epoch, which never goes back while the page lives. */
export const clock = () => performance.timeOrigin + performance.now();

/**
 * @param {() => Promise<number>} ask returns the server's time, ms since the epoch
 * @param {() => number} [now]
 * @returns {Promise<Offset>} rejected as ask is
 */
export async function measureOffset(ask, now = clock) {
  /** @type {Offset | undefined} */
  let best;
  for (let i = 0; i < QUESTIONS; i += 1) {
    const before = now();
    const server = await ask();
    const after = now();
    const error = (after - before) / 2;
    if (!best || error < best.error) best = { offset: server - (before + after) / 2, error };
  }
  return /** @type {Offset} */ (best);
}
