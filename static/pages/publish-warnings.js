// @ts-check
// What of the stream hurts viewers, on the publish page of its name: of what this page
// sends, and of what another program does, whose own window cannot say it.

import { byId } from '../lib/dom.js';
import { t } from '../text/publish.js';
import { Warnings } from './warnings.js';

export class PublishWarnings {
  #list = new Warnings({ open: true });
  #place = byId('warnings', HTMLElement);
  #about = byId('warnings-about', HTMLElement);

  constructor() {
    this.#place.append(this.#list.element);
    this.own = false;
  }

  /** @param {boolean} own whether it is this page that publishes */
  set own(own) {
    const text = t(own ? 'warningsHere' : 'warningsElsewhere');
    if (this.#about.textContent !== text) this.#about.textContent = text;
  }

  /** @param {import('../text/warnings.js').Warning[]} [warnings] */
  show(warnings = []) {
    this.#list.update(warnings);
    this.#place.hidden = warnings.length === 0;
  }
}
