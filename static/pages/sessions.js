// @ts-check
// The table of sessions. Rows are changed in place, so that what somebody is reading or
// pressing does not move away under the finger.

import { make } from '../lib/dom.js';
import { clock, duration } from '../lib/format.js';
import { language } from '../lib/i18n.js';
import { bearer } from '../lib/signaling.js';
import { root } from './site.js';
import { diagnosisInChinese } from '../text/diagnosis.js';
import { t } from '../text/home.js';
import { Warnings } from './warnings.js';

/** @typedef {import('./feed.js').Session} Session */

const columns = /** @type {const} */ (['stream', 'role', 'state', 'path', 'client', 'since', 'packets']);

const states = /** @type {const} */ ({
  new: 'stateNew', answered: 'stateAnswered', connecting: 'stateConnecting', connected: 'stateConnected',
  interrupted: 'stateInterrupted', closed: 'stateClosed',
});

export class SessionTable {
  #place;
  #body = make('tbody', {});
  #table = make('table', { class: 'sessions' },
    make('thead', {}, make('tr', {}, ...columns.map((column) => make('th', { scope: 'col' }, t(column))), make('th', { scope: 'col' }, make('span', { class: 'offscreen' }, t('transcript'))))),
    this.#body);
  /** @type {Map<string, Row>} by id */
  #rows = new Map();
  /** @type {string} */
  #token = '';

  /** @param {HTMLElement} place */
  constructor(place) {
    this.#place = place;
  }

  /** @param {Session[]} sessions @param {string} token that fetches their transcripts */
  show(sessions, token) {
    this.#token = token;
    const before = this.#rows;
    this.#rows = new Map();
    for (const session of sessions) {
      const row = before.get(session.id) ?? new Row(session.id, () => save(session.id, this.#token));
      before.delete(session.id);
      row.update(session);
      this.#rows.set(session.id, row);
    }
    for (const gone of before.values()) gone.element.remove();
    [...this.#rows.values()].forEach(({ element }, index) => {
      if (this.#body.children[index] !== element) this.#body.insertBefore(element, this.#body.children[index] ?? null);
    });
    if (sessions.length > 0) this.#place.append(this.#table);
    else this.#table.remove();
  }
}

class Row {
  /** @type {Record<string, HTMLElement>} */
  #cells = {};
  #about = make('p', { class: 'diagnosis' });
  #warnings = new Warnings();

  /** @param {string} id @param {() => void} onSave */
  constructor(id, onSave) {
    for (const column of columns) this.#cells[column] = make('td', { 'data-label': t(column), 'data-column': column });
    const button = make('button', { type: 'button', class: 'plain', title: t('transcriptOf', { id }) }, t('transcript'));
    button.addEventListener('click', onSave);
    this.#cells.state.append(make('span', {}), this.#about, this.#warnings.element);
    this.element = make('tr', {}, ...Object.values(this.#cells), make('td', { class: 'tools' }, button));
  }

  /** @param {Session} session */
  update(session) {
    const { protocol, stream, state, path, client, since, ended, code, diagnosis, packets, drops, rttMs } = session;
    this.element.className = ended ? 'ended' : '';
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
    this.#set('packets', packets.toLocaleString() + (drops > 0 ? ` · ${t('dropped', { n: drops.toLocaleString() })}` : ''));
  }

  /** @param {typeof columns[number]} column @param {string} text */
  #set(column, text) {
    write(this.#cells[column], text);
  }
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
