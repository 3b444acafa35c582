// @ts-check
// When to try again. Pure: no timers, no clock but the one that is handed in.

/** The longest wait that a server may ask for with Retry-After, in ms: one hour. */
const LONGEST_RETRY_AFTER = 3_600_000;

/** How often a server that is not there is asked in quick succession. */
const BRISK_FAILURES = 30;

/**
 * Exponential back-off with jitter: the n-th wait is drawn evenly between the first
 * wait and a ceiling that doubles, so that a thousand players that lost the same
 * server do not come back to it in step.
 */
export class Backoff {
  /**
   * @param {object} [options]
   * @param {number} [options.first] shortest wait, ms
   * @param {number} [options.cap] longest wait, ms
   * @param {() => number} [options.random] evenly distributed in [0, 1)
   */
  constructor({ first = 500, cap = 15_000, random = Math.random } = {}) {
    this.first = first;
    this.cap = cap;
    /** The longest wait while a server may just be starting again, ms. */
    this.brisk = Math.min(cap, 1_200);
    this.random = random;
    /** Attempts that failed since the last success. */
    this.failures = 0;
  }

  /**
   * Counts one more failure.
   * @param {boolean} [restarting] nobody is there: a server that starts again is back within
   *   seconds, and is to be found within one or two. That is hoped for some 25 s.
   * @returns {number} how long to wait before the next attempt, ms
   */
  next(restarting = false) {
    this.failures += 1;
    const cap = restarting && this.failures <= BRISK_FAILURES ? this.brisk : this.cap;
    // The exponent is bounded too: 2 ** 1100 is Infinity, and a page may be left open.
    const ceiling = Math.min(cap, this.first * 2 ** Math.min(this.failures, 30));
    return Math.round(this.first + this.random() * (ceiling - this.first));
  }

  /** Forgets the failures: the next wait is a short one. */
  reset() {
    this.failures = 0;
  }
}

/**
 * Reads a Retry-After header (RFC 9110, section 10.2.3): seconds or an HTTP date.
 * @param {string | null} value
 * @param {number} now ms since the epoch
 * @returns {number | undefined} how long to wait, ms; undefined when the header is
 *   absent or not one of the two
 */
export function retryAfter(value, now) {
  const text = value?.trim() ?? '';
  let wait = NaN;
  if (/^\d+$/.test(text)) wait = Number(text) * 1000;
  // Date.parse makes a date of nearly anything, so this looks for a day's name first.
  else if (/^[A-Z][a-z]{2,8},? /.test(text)) wait = Date.parse(text) - now;
  if (Number.isNaN(wait)) return undefined;
  return Math.min(Math.max(wait, 0), LONGEST_RETRY_AFTER);
}
