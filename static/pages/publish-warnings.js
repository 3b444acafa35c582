// @ts-check
// What of the stream hurts viewers, on the publish page of its name: of what this page
// sends, and of what another program does, whose own window cannot say it.

import { byId } from '../lib/dom.js';
import { Feed } from './feed.js';
import { t } from '../text/publish.js';
import { Warnings } from './warnings.js';

/** @typedef {import('./feed.js').Stream} Stream */

export class PublishWarnings {
  #feed = new Feed();
  #list = new Warnings({ open: true });
  #place = byId('warnings', HTMLElement);
  #about = byId('warnings-about', HTMLElement);
  /** @type {string | undefined} */
  #token;

  /** @param {string} name of the stream */
  constructor(name) {
    this.#place.append(this.#list.element);
    this.own = false;
    this.#feed.addEventListener('streams', (event) => {
      const streams = /** @type {CustomEvent<Stream[]>} */ (event).detail;
      this.#show(streams.find((stream) => stream.name === name)?.warnings);
    });
    this.#feed.addEventListener('offline', () => this.#show([]));
    this.#feed.addEventListener('unauthorized', () => this.#show([]));
  }

  /** @param {boolean} own whether it is this page that publishes */
  set own(own) {
    const text = t(own ? 'warningsHere' : 'warningsElsewhere');
    if (this.#about.textContent !== text) this.#about.textContent = text;
  }

  /** @param {string} token with which the server tells of its streams */
  follow(token) {
    if (token === this.#token) return;
    this.#token = token;
    this.#feed.start(token);
  }

  /** @param {import('../text/warnings.js').Warning[]} [warnings] */
  #show(warnings = []) {
    this.#list.update(warnings);
    this.#place.hidden = warnings.length === 0;
  }
}
