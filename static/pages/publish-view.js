// @ts-check
// What the publish page says: the state in words, trouble with its cures, the numbers.

import { byId, make } from '../lib/dom.js';
import { bitrate, codecName } from '../lib/format.js';
import { t } from '../text/publish.js';
import { connectionTrouble, refusalTrouble } from './trouble.js';

/** @typedef {import('./publisher.js').PublishState} PublishState */
/** @typedef {import('../lib/stats.js').SendingStats} SendingStats */
/** @typedef {import('./trouble.js').Trouble} Trouble */

/** So many readings in a row, a second apart, that something held down are worth a word. */
const LIMITED_READINGS = 30;
/** So long every stream is limited: it starts small and grows. Readings, a second apart. */
const GROWING = 10;

const go = byId('go', HTMLButtonElement);
const state = byId('state', HTMLElement);
const token = byId('token', HTMLInputElement);
const trouble = byId('trouble', HTMLElement);

/** @type {ReturnType<typeof setInterval> | undefined} */
let counting;
let limited = 0;
let readings = 0;
/** Trouble of the devices, which stays when that of the connection goes. */
let ownTrouble = /** @type {Trouble | undefined} */ (undefined);

/**
 * @param {PublishState} now
 * @param {{ name: string, active: boolean, rename: (name: string) => void }} publishing what, whether it goes on, and what
 *   publishes it under another name
 */
export function showState(now, { name, active, rename }) {
  clearInterval(counting);
  const live = now.name === 'live' || now.name === 'mending';
  byId('badge', HTMLElement).hidden = now.name !== 'live';
  byId('stats', HTMLElement).hidden = !live;
  if (!live) {
    readings = 0;
    showLimit('none');
  }
  byId('codec', HTMLSelectElement).disabled = token.disabled = byId('stream-name', HTMLInputElement).disabled = active;
  if (now.name === 'stopped' && (now.status === 401 || now.status === 403)) byId('token-field', HTMLElement).hidden = false;
  go.textContent = t(now.name === 'busy' ? 'cancel' : active ? 'stop' : 'goLive');
  go.classList.toggle('danger', active);
  go.classList.toggle('primary', !active);
  if (now.name === 'stopped') draw(refusalTrouble(now, token.value !== ''));
  else if (now.name === 'busy') draw({ what: t('busy', { name }), cures: [{ text: t('useName', { name: freeName(name) }), act: () => rename(freeName(name)) }] });
  else draw((now.name === 'reconnecting' ? connectionTrouble(now) : undefined) ?? ownTrouble);

  const say = () => {
    const text = sentence(now, name);
    if (state.textContent !== text) state.textContent = text;
  };
  say();
  if (now.retryAt !== undefined) counting = setInterval(say, 500);
}

/**
 * A name like this one for who finds it taken: desk-2, then desk-3.
 * @param {string} name
 */
export function freeName(name) {
  const [, stem, number] = /^(.*?)(?:-(\d{1,3}))?$/.exec(name) ?? ['', name];
  return `${stem.slice(0, 60)}-${Number(number ?? 1) + 1}`;
}

/** @param {PublishState} now @param {string} stream */
function sentence({ name: is, retryAt }, stream) {
  const seconds = retryAt === undefined ? 0 : Math.max(1, Math.ceil((retryAt - Date.now()) / 1000));
  switch (is) {
    case 'idle':
    case 'stopped': return t('notLive');
    case 'connecting': return t('connecting');
    case 'live': return t('liveAs', { name: stream });
    case 'mending': return t('mending');
    case 'busy': return t('notLive');
    case 'reconnecting': return seconds ? t('reconnectingIn', { s: seconds }) : t('reconnecting');
  }
}

/**
 * Says what is wrong with the devices until that is over.
 * @param {Trouble | undefined} shown undefined when nothing is
 */
export function showTrouble(shown) {
  ownTrouble = shown;
  draw(shown);
}

/** @param {Trouble | undefined} shown */
function draw(shown) {
  if (shown?.field === 'token') token.setAttribute('aria-invalid', 'true');
  else token.removeAttribute('aria-invalid');
  trouble.hidden = shown === undefined;
  trouble.replaceChildren();
  if (!shown) return;
  trouble.append(make('strong', {}, shown.what));
  const words = shown.cures.filter(({ act }) => !act);
  const acts = shown.cures.filter(({ act }) => act);
  if (words.length > 0) trouble.append(make('ul', {}, ...words.map((cure) => make('li', {}, ...textOf(cure)))));
  if (acts.length > 0) trouble.append(make('p', { class: 'acts' }, ...acts.map(buttonOf)));
}

/** @param {import('./trouble.js').Cure} cure @returns {(string | Node)[]} */
function textOf({ text, url }) {
  if (!url) return [text];
  const [before, after = ''] = text.split(url);
  return [before, make('a', { href: url }, url), after];
}

/** @param {import('./trouble.js').Cure} cure */
function buttonOf({ text, act }) {
  const button = make('button', { type: 'button' }, text);
  button.addEventListener('click', () => act?.());
  return button;
}

const limits = /** @type {const} */ ({ none: 'limitNone', cpu: 'limitCPU', bandwidth: 'limitNetwork', other: 'limitOther' });

/** @param {SendingStats} stats */
export function showStats(stats) {
  readings += 1;
  const by = readings > GROWING ? stats.limitedBy : 'none';
  showLimit(by);
  show('bitrate', bitrate(stats.bitrate));
  show('picture', stats.width ? `${stats.width} × ${stats.height}` : '–');
  show('fps', `${Math.round(stats.framesPerSecond)} fps`);
  show('codec', stats.codec ? codecName(stats.codec) : '–');
  show('rtt', stats.roundTripTime === undefined ? '–' : `${Math.round(stats.roundTripTime)} ms`);
  show('loss', stats.loss === undefined ? '–' : `${(stats.loss * 100).toFixed(1)} %`);
  show('limit', readings <= GROWING ? '–' : t(by in limits ? limits[/** @type {keyof limits} */ (by)] : 'limitOther'));
  show('path', stats.path === 'relay' ? t('relay') : stats.path.toUpperCase() || '–');
}

/**
 * Says what limits the quality, once that has lasted.
 * @param {string} by
 */
function showLimit(by) {
  limited = by === 'cpu' || by === 'bandwidth' ? limited + 1 : 0;
  const note = byId('limit', HTMLElement);
  note.hidden = limited < LIMITED_READINGS;
  note.textContent = t(by === 'cpu' ? 'slowComputer' : 'slowNetwork');
}

/** @param {string} what @param {string} text */
function show(what, text) {
  byId(`stat-${what}`, HTMLElement).textContent = text;
}
