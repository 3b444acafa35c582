// @ts-check
// Notices that a live picture is late: a tab that was in the background, or a network that
// paused, can leave seconds of media waiting in the browser. Pure: it is told the time.

/** A picture that waited for longer than that is not live any more; ms. */
export const LATE = 1_000;

/** For so long it has to be late before something is done; ms. */
const PATIENCE = 3_000;

/** After the first thing that was done it gets so long to help; ms. */
const SECOND_CHANCE = 5_000;

export class CatchUp {
  /** @type {number | undefined} since when every picture was late */
  #since;
  /** @type {number | undefined} when the first thing was done */
  #helped;

  /**
   * @param {number} delay ms that pictures or sound waited in the last interval
   * @param {number} now ms, of any clock that only goes forward
   * @returns {'' | 'jump' | 'renew'} what to do: nothing, show the newest picture by
   *   playing the stream anew, or open another session
   */
  observe(delay, now) {
    if (delay <= LATE) {
      this.#since = undefined;
      this.#helped = undefined;
      return '';
    }
    this.#since ??= now;
    if (this.#helped === undefined) {
      if (now - this.#since < PATIENCE) return '';
      this.#helped = now;
      return 'jump';
    }
    return now - this.#helped >= SECOND_CHANCE ? 'renew' : '';
  }
}
