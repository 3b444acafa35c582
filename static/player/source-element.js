// @ts-check
// The attributes of a player that say what is played and how it is reached.

import { readServers } from '../lib/servers.js';

/** An element with the attributes src, token, policy, events, ice-servers and lang. */
export class SourceElement extends HTMLElement {
  get src() {
    return this.getAttribute('src') ?? '';
  }

  set src(url) {
    this.setAttribute('src', url);
  }

  get token() {
    return this.getAttribute('token') ?? '';
  }

  set token(token) {
    if (token) this.setAttribute('token', token);
    else this.removeAttribute('token');
  }

  /** @returns {import('./player.js').Source | undefined} undefined without a src */
  get source() {
    if (!this.src) return undefined;
    return {
      endpoint: new URL(this.src, document.baseURI).href,
      token: this.token || undefined,
      policy: this.getAttribute('policy') === 'relay' ? 'relay' : 'all',
      events: this.getAttribute('events') !== 'off',
      iceServers: readServers(this.getAttribute('ice-servers')),
    };
  }

  /** BCP 47 tags, best first: its own, the document's, the browser's. */
  get languages() {
    return [this.getAttribute('lang'), document.documentElement.lang, ...navigator.languages];
  }
}
