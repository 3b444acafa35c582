// @ts-check
// Server-sent events out of a fetched body. Pure. EventSource would do, but it can
// neither send a token nor tell a 401 from a server that is away.

/**
 * @typedef {object} ServerEvent
 * @property {string} type 'message' when the server names none
 * @property {string} data
 */

/** Cuts a text that comes in pieces into events (HTML Living Standard, section 9.2.6). */
export class EventParser {
  #rest = '';
  #type = '';
  /** @type {string[]} */
  #data = [];

  /**
   * @param {string} text the next piece
   * @returns {ServerEvent[]} the events that it completed
   */
  push(text) {
    /** @type {ServerEvent[]} */
    const events = [];
    // A carriage return at the very end may be half of a line break.
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line !== '') {
        this.#field(line);
      } else {
        if (this.#data.length > 0) events.push({ type: this.#type || 'message', data: this.#data.join('\n') });
        this.#type = '';
        this.#data = [];
      }
    }
    return events;
  }

  /** @param {string} line */
  #field(line) {
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment, sent to keep the connection open
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'event') this.#type = value;
    if (name === 'data') this.#data.push(value);
  }
}
