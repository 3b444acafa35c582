// @ts-check
// The table of sessions: those that live, and on demand those that have ended. Rows are changed in place, so that what somebody is
// reading or pressing does not move away under the finger.

import { make } from '../lib/dom.js';
import { bitrate, clock, duration } from '../lib/format.js';
import { language } from '../lib/i18n.js';
import { bearer } from '../lib/signaling.js';
import { address, root } from './site.js';
import { diagnosisInChinese } from '../text/diagnosis.js';
import { t } from '../text/home.js';
import { Warnings } from './warnings.js';

/** @typedef {import('../lib/feed.js').Session} Session */

const columns = /** @type {const} */ (['stream', 'role', 'state', 'path', 'client', 'since', 'rate', 'loss']);

const states = /** @type {const} */ ({
  new: 'stateNew', answered: 'stateAnswered', connecting: 'stateConnecting', connected: 'stateConnected',
  interrupted: 'stateInterrupted', closed: 'stateClosed',
});

export class SessionTable {
  #place;
  #body = make('tbody', {});
  #table = make('table', { class: 'sessions' },
    make('thead', {}, make('tr', {}, ...columns.map((column) => make('th', { scope: 'col' }, t(column))), make('th', { scope: 'col' }, make('span', { class: 'offscreen' }, t('tools'))))),
    this.#body);
  #filter = make('select', { id: 'session-filter' });
  #bar = make('div', { class: 'field bar' }, make('label', { for: 'session-filter' }, t('stream')), this.#filter);
  #more = make('button', { type: 'button', class: 'plain' });
  /** Whether those that have ended are shown. */
  #ended = false;
  /** @type {Session[]} */
  #sessions = [];
  /** @type {Map<string, Row>} by id */
  #rows = new Map();
  /** @type {string} */
  #token = '';

  /** @param {HTMLElement} place */
  constructor(place) {
    this.#place = place;
    this.#filter.addEventListener('change', () => this.#draw());
    this.#more.addEventListener('click', () => {
      this.#ended = !this.#ended;
      this.#draw();
    });
  }

  /** @param {Session[]} sessions @param {string} token that fetches their transcripts, and ends them */
  show(sessions, token) {
    this.#token = token;
    this.#sessions = sessions;
    this.#offerStreams();
    this.#draw();
  }

  /** The streams to choose from, as long as there are several. */
  #offerStreams() {
    const names = [...new Set(this.#sessions.map(({ stream }) => stream))].sort();
    const chosen = names.includes(this.#filter.value) ? this.#filter.value : '';
    const options = ['', ...names];
    if (options.join('/') !== [...this.#filter.options].map(({ value }) => value).join('/')) {
      this.#filter.replaceChildren(...options.map((name) => new Option(name || t('allStreams'), name)));
      this.#filter.value = chosen;
    }
    this.#bar.hidden = names.length < 2;
  }

  #draw() {
    const wanted = this.#sessions.filter(({ stream }) => this.#filter.value === '' || stream === this.#filter.value);
    const ended = wanted.filter((session) => session.ended).length;
    const shown = [...wanted.filter((session) => !session.ended), ...(this.#ended ? wanted.filter((session) => session.ended) : [])];
    const before = this.#rows;
    this.#rows = new Map();
    for (const session of shown) {
      const row = before.get(session.id) ?? new Row(session, () => this.#token);
      before.delete(session.id);
      row.update(session);
      this.#rows.set(session.id, row);
    }
    for (const gone of before.values()) gone.element.remove();
    [...this.#rows.values()].forEach(({ element }, index) => {
      if (this.#body.children[index] !== element) this.#body.insertBefore(element, this.#body.children[index] ?? null);
    });
    this.#table.hidden = shown.length === 0;
    this.#more.hidden = ended === 0;
    write(this.#more, this.#ended ? t('hideEnded') : t('showEnded', { n: ended }));
    if (this.#sessions.length === 0) this.#place.replaceChildren();
    else if (!this.#table.isConnected) this.#place.append(this.#bar, this.#table, this.#more);
  }
}

class Row {
  /** @type {Record<string, HTMLElement>} */
  #cells = {};
  #about = make('p', { class: 'diagnosis' });
  #warnings = new Warnings();
  #disconnect = make('button', { type: 'button', class: 'plain' }, t('disconnect'));
  /** What was counted when, to tell a rate from. @type {{ bytes: number, at: number } | undefined} */
  #counted;
  #rate = '–';

  /** @param {Session} session @param {() => string} token */
  constructor(session, token) {
    for (const column of columns) this.#cells[column] = make('td', { 'data-label': t(column), 'data-column': column });
    const { id } = session;
    const button = make('button', { type: 'button', class: 'plain', title: t('transcriptOf', { id }) }, t('transcript'));
    button.addEventListener('click', () => save(id, token()));
    this.#disconnect.addEventListener('click', () => end(session, token()));
    this.#cells.state.append(make('span', {}), this.#about, this.#warnings.element);
    this.element = make('tr', {}, ...Object.values(this.#cells), make('td', { class: 'tools' }, this.#disconnect, button));
  }

  /** @param {Session} session */
  update(session) {
    const { protocol, stream, state, path, client, since, ended, code, diagnosis, loss, rttMs } = session;
    this.element.className = ended ? 'ended' : '';
    this.#disconnect.hidden = Boolean(ended);
    this.#set('stream', stream);
    this.#set('role', t(protocol === 'whip' ? 'publisher' : 'viewer'));
    const said = ended ? 'closed' : state;
    write(this.#cells.state.firstElementChild, said in states ? t(states[/** @type {keyof states} */ (said)]) : state);
    this.#cells.state.dataset.state = ended && diagnosis && code !== 'ended' ? 'failed' : said;
    // An end that is nobody's fault needs no explanation.
    write(this.#about, code === 'ended' ? '' : explanation(code, diagnosis));
    this.#about.hidden = this.#about.textContent === '';
    this.#warnings.update(session.warnings);
    const way = path === 'relay' ? t('relay') : (path ?? '–').toUpperCase();
    this.#set('path', rttMs ? `${way} · ${t('roundTrip', { ms: Math.round(rttMs) })}` : way);
    this.#set('client', client);
    const lasted = (ended ? Date.parse(ended) : Date.now()) - Date.parse(since);
    this.#set('since', clock(lasted) + (ended ? ` · ${ago(Date.parse(ended))}` : ''));
    this.#set('rate', this.#rateOf(session, lasted));
    this.#set('loss', protocol === 'whep' && loss !== undefined && !ended ? `${(100 * loss).toFixed(1)} %` : '–');
  }

  /**
   * What flows now, or flowed on average.
   * @param {Session} session @param {number} lasted ms
   */
  #rateOf({ bytes, ended }, lasted) {
    if (ended) return bytes > 0 && lasted > 0 ? `⌀ ${bitrate(8000 * bytes / lasted)}` : '–';
    const at = performance.now();
    const before = this.#counted;
    if (!before || at - before.at >= 900) {
      if (before) this.#rate = bitrate(8000 * (bytes - before.bytes) / (at - before.at));
      this.#counted = { bytes, at };
    }
    return this.#rate;
  }

  /** @param {typeof columns[number]} column @param {string} text */
  #set(column, text) {
    write(this.#cells[column], text);
  }
}

/**
 * Ends a session, as its client would. The list tells when that is done.
 * @param {Session} session @param {string} token
 */
async function end({ protocol, stream, id }, token) {
  await fetch(`${address(protocol, stream)}/${encodeURIComponent(id)}`, { method: 'DELETE', headers: bearer(token) });
}

/**
 * The server's own sentence names addresses; it is in English.
 * @param {string} code @param {string} [diagnosis]
 */
function explanation(code, diagnosis = '') {
  return language === 'zh' && diagnosis ? (diagnosisInChinese(code, diagnosis) ?? diagnosis) : diagnosis;
}

/** @param {Element | null} element @param {string} text */
function write(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

/** @param {number} time */
function ago(time) {
  const ms = Date.now() - time;
  return ms < 60_000 ? t('justEnded') : t('endedAgo', { time: duration(ms) });
}

/**
 * Saves what was said to make a session, without what should not be passed on.
 * @param {string} id @param {string} token
 */
async function save(id, token) {
  const url = new URL(`api/sessions/${encodeURIComponent(id)}/transcript?redact`, root);
  const response = await fetch(url, { headers: bearer(token), cache: 'no-store' });
  if (!response.ok) return; // it has ended long ago, and is about to leave the table
  const href = URL.createObjectURL(await response.blob());
  make('a', { href, download: `porthole-session-${id}.json` }).click();
  // The browser has taken it when the click has returned.
  URL.revokeObjectURL(href);
}
