// @ts-check
// What a publisher wants to know while the stream is live: for how long, how many watch, and
// the link to send them.

import { byId, copyButton } from '../lib/dom.js';
import { clock, watching } from '../lib/format.js';
import { t } from '../text/publish.js';
import { address } from './site.js';

const place = byId('air', HTMLElement);
const time = byId('air-time', HTMLElement);
const count = byId('air-count', HTMLElement);
const link = byId('air-link', HTMLAnchorElement);

export class OnAir {
  #name = '';
  /** @type {number | undefined} when it went live, ms since the epoch */
  #since;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticking;

  constructor() {
    const tools = byId('air-tools', HTMLElement);
    tools.append(copyButton(t('copyLink'), () => address('watch', this.#name)));
    if (!navigator.share) return;
    const share = Object.assign(document.createElement('button'), { type: 'button', className: 'copy', textContent: t('share') });
    share.addEventListener('click', () => {
      navigator.share({ title: this.#name, url: address('watch', this.#name) }).catch(() => {}); // somebody changed their mind
    });
    tools.append(share);
  }

  /** @param {string} name of the stream */
  set name(name) {
    this.#name = name;
    link.href = address('watch', name);
    link.textContent = link.href.replace(/^https?:\/\//, '');
  }

  /** @param {number | undefined} viewers undefined while nobody knows */
  set viewers(viewers) {
    const text = viewers === undefined ? '' : watching(viewers);
    if (count.textContent !== text) count.textContent = text;
  }

  /** @param {boolean} live whether this page's stream is; what mends itself still is */
  set live(live) {
    place.hidden = !live;
    if (live === (this.#since !== undefined)) return;
    this.#since = live ? Date.now() : undefined;
    clearInterval(this.#ticking);
    if (live) this.#ticking = setInterval(() => this.#tick(), 1_000);
    this.#tick();
  }

  #tick() {
    if (this.#since !== undefined) time.textContent = t('onAirFor', { time: clock(Date.now() - this.#since) });
  }
}
