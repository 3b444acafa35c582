// @ts-check
// The statistics over the picture, as people understand them.

import { bitrate, codecName } from '../lib/format.js';
import { Graph } from '../lib/graph.js';
import { icon } from '../lib/icons.js';
import { estimate, shareOfPictures } from './network.js';
import { button, label, part, setText } from './parts.js';

/** @typedef {import('../lib/stats.js').PlaybackStats} PlaybackStats */
/** @typedef {import('./delay.js').Delay} Delay */
/** @typedef {import('./controls.js').Say} Say */

/** The rows, in their order. The first two have a line of the last minute. */
const rows = /** @type {const} */ (['delay', 'bitrate', 'estimate', 'picture', 'frames', 'loss', 'roundTrip', 'buffer', 'path', 'codec']);

/** @typedef {typeof rows[number]} Row */

const methods = /** @type {const} */ ({ picture: 'byPicture', capture: 'byCapture', reports: 'byReports', estimate: 'byEstimate' });

export class StatsPanel {
  /** @type {Map<Row, { name: HTMLElement, value: HTMLElement, note: HTMLElement }>} */
  #rows = new Map();
  #title = part('h2', 'stats-title');
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
    this.element.append(part('header', 'stats-head', this.#title, this.#close), list);
    this.element.hidden = true;
    this.say = say;
  }

  /** @param {Say} say */
  set say(say) {
    this.#say = say;
    setText(this.#title, say('statistics'));
    label(this.#close, say('close'), icon('close'));
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
   * @param {Delay | undefined} delay
   * @param {import('./network.js').Network | undefined} network
   */
  update(stats, delay, network) {
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
    this.#delayGraph.add(delay?.ms);
    this.#rateGraph.add(stats.bitrate);
  }

  /** @param {Row} row @param {string} value @param {string} [note] */
  #set(row, value, note = '') {
    const cell = this.#rows.get(row);
    if (!cell) return;
    setText(cell.value, value);
    setText(cell.note, note);
  }
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
