// @ts-check
// The statistics over the picture, as people understand them.

import { copyText } from '../lib/clipboard.js';
import { bitrate, codecName } from '../lib/format.js';
import { Graph } from '../lib/graph.js';
import { icon } from '../lib/icons.js';
import { estimate, shareOfPictures } from './network.js';
import { button, label, part, setText } from './parts.js';

/** @typedef {import('../lib/stats.js').PlaybackStats} PlaybackStats */
/** @typedef {import('./delay.js').Delay} Delay */
/** @typedef {import('./controls.js').Say} Say */

/** The rows, in their order. The first two have a line of the last minute. */
const rows = /** @type {const} */ (['delay', 'bitrate', 'estimate', 'picture', 'frames', 'loss', 'roundTrip', 'buffer', 'path', 'codec', 'sound', 'freezes', 'dropped', 'connected', 'session']);

/** @typedef {typeof rows[number]} Row */

const methods = /** @type {const} */ ({ picture: 'byPicture', capture: 'byCapture', reports: 'byReports', estimate: 'byEstimate' });

/** How long a button says that something was copied, ms. */
const COPIED = 1_600;

export class StatsPanel {
  /** @type {Map<Row, { name: HTMLElement, value: HTMLElement, note: HTMLElement }>} */
  #rows = new Map();
  #title = part('h2', 'stats-title');
  #copy = button('stats-close');
  #close = button('stats-close');
  #delayGraph = new Graph('delay-graph');
  #rateGraph = new Graph('rate-graph');
  /** @type {Say} */
  #say;

  element = part('section', 'stats');

  /** @param {Say} say @param {() => void} close */
  constructor(say, close) {
    this.#say = say;
    const list = part('dl', 'stats-list');
    for (const row of rows) {
      const name = part('dt', 'stats-name');
      const value = part('span', `stats-value ${row}`);
      const note = part('span', 'stats-note');
      list.append(name, part('dd', 'stats-cell', value, note));
      if (row === 'delay') list.append(part('dd', 'stats-graph', this.#delayGraph.element));
      if (row === 'bitrate') list.append(part('dd', 'stats-graph second', this.#rateGraph.element));
      this.#rows.set(row, { name, value, note });
    }
    this.#close.addEventListener('click', close);
    this.#copy.addEventListener('click', () => this.#copyAll());
    this.element.append(part('header', 'stats-head', this.#title, part('span', 'gap'), this.#copy, this.#close), list);
    this.element.hidden = true;
    this.say = say;
  }

  /** @param {Say} say */
  set say(say) {
    this.#say = say;
    setText(this.#title, say('statistics'));
    label(this.#close, say('close'), icon('close'));
    label(this.#copy, say('copy'), icon('copy'));
    this.element.setAttribute('aria-label', say('statistics'));
    for (const [row, { name }] of this.#rows) setText(name, say(row));
  }

  get shown() {
    return !this.element.hidden;
  }

  set shown(shown) {
    this.element.hidden = !shown;
    this.clear();
  }

  /** Says nothing, until the next update. */
  clear() {
    this.#delayGraph.clear();
    this.#rateGraph.clear();
    for (const { value, note } of this.#rows.values()) {
      setText(value, '–');
      setText(note, '');
    }
  }

  /**
   * @param {PlaybackStats} stats
   * @param {{ delay: Delay | undefined, network: import('./network.js').Network | undefined,
   *   session: import('./player.js').Player['session'] }} known
   */
  update(stats, { delay, network, session }) {
    const say = this.#say;
    this.#set('delay', milliseconds(delay?.ms), delay ? say(methods[delay.method]) : '');
    this.#set('bitrate', bitrate(stats.bitrate));
    const carries = estimate(network, say);
    this.#set('estimate', carries.value, carries.note);
    this.#set('picture', stats.width ? `${stats.width} × ${stats.height}` : '–');
    this.#set('frames', say('framesValue', { n: Math.round(stats.framesPerSecond) }), shareOfPictures(network, say));
    this.#set('loss', percent(stats.loss));
    this.#set('roundTrip', milliseconds(stats.roundTripTime));
    this.#set('buffer', milliseconds(stats.bufferDelay));
    this.#set('path', wayName(stats.path, say));
    this.#set('codec', codecName(stats.codec) || '–');
    this.#set('sound', stats.audioCodec && stats.hasSound
      ? say('soundValue', { codec: codecName(stats.audioCodec), rate: bitrate(stats.audioBitrate) }) : '–');
    this.#set('freezes', stats.freezes > 0 ? say('freezesValue', { n: stats.freezes, s: stats.frozen.toFixed(1) }) : '0');
    this.#set('dropped', String(stats.framesDropped));
    this.#set('connected', clockTime(session.connectedFor));
    this.#set('session', session.id || '–');
    this.#delayGraph.add(delay?.ms);
    this.#rateGraph.add(stats.bitrate);
  }

  /** For a message to whoever runs the server. */
  async #copyAll() {
    const lines = [...this.#rows.values()].map(({ name, value, note }) =>
      `${name.textContent}: ${value.textContent}${note.textContent ? ` (${note.textContent})` : ''}`);
    if (!await copyText(lines.join('\n'))) return;
    const say = this.#say;
    label(this.#copy, say('copied'), icon('check'));
    setTimeout(() => label(this.#copy, this.#say('copy'), icon('copy')), COPIED);
  }

  /** @param {Row} row @param {string} value @param {string} [note] */
  #set(row, value, note = '') {
    const cell = this.#rows.get(row);
    if (!cell) return;
    setText(cell.value, value);
    setText(cell.note, note);
  }
}

/** @param {number | undefined} ms @returns {string} as 1:02:03 */
function clockTime(ms) {
  if (ms === undefined) return '–';
  const seconds = Math.floor(ms / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.slice(parts[0] > 0 ? 0 : 1).map((part, i) => (i === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}

/** @param {number | undefined} ms */
function milliseconds(ms) {
  if (ms === undefined) return '–';
  return ms < 9_950 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** @param {number | undefined} fraction */
function percent(fraction) {
  if (fraction === undefined) return '–';
  const value = fraction * 100;
  return `${value >= 10 || value === 0 ? Math.round(value) : value.toFixed(1)} %`;
}

/** @param {string} path @param {Say} say */
function wayName(path, say) {
  if (path === 'udp' || path === 'tcp' || path === 'relay') return say(path);
  return say('unknown');
}
