// @ts-check
// Notices that pictures stopped coming. Pure: it is told the time.

/** Without a new picture for that long, the viewer is told; ms. */
export const STALLED_AFTER = 4_000;

/** Without a new picture for that long, the connection is given up; ms. */
export const FROZEN_AFTER = 10_000;

/** What a tab that comes back into view gets to catch up in; ms. */
const GRACE = 2_000;

export class Watchdog {
  /** @param {number} now ms, of any clock that only goes forward */
  constructor(now) {
    this.count = 0;
    this.since = now;
  }

  /**
   * @param {number} count pictures decoded so far
   * @param {number} now
   * @returns {'flowing' | 'stalled' | 'frozen'}
   */
  observe(count, now) {
    if (count !== this.count) {
      this.count = count;
      this.since = now;
    }
    const quiet = this.quiet(now);
    if (quiet >= FROZEN_AFTER) return 'frozen';
    return quiet >= STALLED_AFTER ? 'stalled' : 'flowing';
  }

  /**
   * How long no picture has come, ms.
   * @param {number} now
   */
  quiet(now) {
    return now - this.since;
  }

  /**
   * A hidden tab may have decoded nothing, and that is no fault: it gets a short
   * time to show a picture.
   * @param {number} now
   */
  forgive(now) {
    this.since = Math.max(this.since, now - (FROZEN_AFTER - GRACE));
  }
}
