// @ts-check
// The operator's part of the home page about cameras: their controls with the live picture beside them. It asks nothing, and turns no
// camera on, until somebody opens it.

import { byId, copyButton, make } from '../lib/dom.js';
import { bearer, refusal } from '../lib/signaling.js';
import { ControlForm } from './camera.js';
import { Live } from './live.js';
import { root } from './site.js';
import { readToken, saveToken } from './visit.js';
import { t } from '../text/home.js';

/**
 * @typedef {object} Source a source as the API tells it
 * @property {string} name
 * @property {string} kind
 * @property {string} uri
 * @property {boolean} adjustable
 * @property {{ format: string, width: number, height: number, fps?: number, asItIs: boolean, why?: string }} [mode]
 * @property {import('./camera.js').Control[]} controls
 * @property {{ microphone?: string, muted: boolean, gain: number, level?: number }} [sound] level in dBFS, 0 and less
 * @property {string} [problem]
 */

/** How long a request may take, ms: the server gives a camera five seconds. */
const REQUEST_LIMIT = 10_000;

/** How often what changes by itself is looked at, ms. */
const LOOK_EVERY = 5_000;

/** How often the level of the sound is looked at, ms. */
const LEVEL_EVERY = 500;

const place = byId('cameras', HTMLDetailsElement);
const form = byId('cameras-form', HTMLFormElement);
const input = byId('cameras-token', HTMLInputElement);
const notice = byId('cameras-notice', HTMLElement);
const inside = byId('camera', HTMLElement);
const choice = byId('camera-choice', HTMLSelectElement);
const delivers = byId('camera-mode', HTMLElement);
const heard = byId('camera-sound', HTMLElement);
const live = new Live(byId('camera-live', HTMLVideoElement));
const controls = new ControlForm((name, value) => change(name, value));
const line = make('code', {});
const keep = make('div', { class: 'keep', hidden: '' }, make('p', { class: 'muted small' }, t('cameraKeep')), make('div', { class: 'row' }, line, copyButton(t('copy'), () => line.textContent ?? '')));

let token = '';
/** What is to be set as soon as what is being set is. @type {Map<string, import('./camera.js').Value>} */
let waiting = new Map();
let busy = false;
/** What was wrong with the last change; '' for nothing. */
let fault = '';
/** @type {ReturnType<typeof setInterval> | undefined} */
let looking;
/** @type {ReturnType<typeof setInterval> | undefined} */
let listening;

/** Makes the part work. */
export function serveCameras() {
  byId('camera-controls', HTMLElement).append(controls.element, keep);
  place.addEventListener('toggle', () => {
    if (place.open) open(readToken('publish') || readToken('view'));
    else close();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    saveToken('publish', input.value.trim());
    open(input.value.trim());
  });
  choice.addEventListener('change', () => choose());
}

/** @param {string} chosen */
async function open(chosen) {
  token = chosen;
  say('');
  const list = await ask('api/sources');
  if (!list || !place.open) return;
  const cameras = /** @type {{ sources: Source[] }} */ (list).sources.filter(({ adjustable }) => adjustable);
  if (cameras.length === 0) {
    say(t('noCameras'));
    return;
  }
  choice.replaceChildren(...cameras.map(({ name }) => new Option(name, name)));
  byId('camera-choose', HTMLElement).hidden = cameras.length < 2;
  inside.hidden = false;
  choose();
}

function close() {
  clearInterval(looking);
  clearInterval(listening);
  live.stop();
  inside.hidden = true;
  form.hidden = true;
}

/** Shows the camera that is chosen. */
function choose() {
  controls.show([]);
  keep.hidden = true;
  live.start(choice.value, token);
  look();
  clearInterval(looking);
  looking = setInterval(() => { if (!document.hidden && !busy) look(); }, LOOK_EVERY);
  clearInterval(listening);
  listening = setInterval(() => { if (!document.hidden) listen(); }, LEVEL_EVERY);
}

/** Shows how loud it is now. The list is asked, because that asks no camera. */
async function listen() {
  const name = choice.value;
  const response = await fetch(new URL('api/sources', root), { headers: bearer(token), cache: 'no-store', signal: AbortSignal.timeout(REQUEST_LIMIT) }).catch(() => undefined);
  if (!response?.ok || name !== choice.value) return;
  const list = /** @type {{ sources: Source[] }} */ (await response.json()).sources;
  showSound(list.find((source) => source.name === name)?.sound);
}

/** @param {Source['sound']} sound */
function showSound(sound) {
  heard.hidden = !sound;
  if (!sound) return;
  const { muted, level, microphone } = sound;
  const [text, meter] = [heard.querySelector('span'), heard.querySelector('meter')];
  const said = muted ? t('soundMuted') : level === undefined ? t('soundNone') : t('soundLevel', { name: microphone ?? choice.value });
  if (text && text.textContent !== said) text.textContent = said;
  if (!meter) return;
  meter.hidden = muted || level === undefined;
  meter.value = level ?? -60;
  meter.setAttribute('aria-label', said);
}

async function look() {
  const name = choice.value;
  const source = await ask(`api/sources/${encodeURIComponent(name)}`);
  if (source && name === choice.value && !busy) show(/** @type {Source} */ (source));
}

/** @param {Source} source */
function show({ name, uri, mode, controls: list, problem }) {
  delivers.hidden = !mode;
  if (mode) {
    const { format, width, height, fps, asItIs, why } = mode;
    delivers.textContent = t(asItIs ? 'cameraSent' : 'cameraEncoded', { format, width, height, fps: fps ?? '?' });
    delivers.title = why ?? '';
  }
  say(problem ? t('cameraProblem', { problem }) : list.length === 0 ? t('noControls') : fault);
  if (!problem) controls.show(list);
  keep.hidden = !list.some(({ kept }) => kept !== undefined);
  line.textContent = `--source '${name}=${uri}'`;
}

/**
 * Sets a control. While the server is at work, only the newest value of each control is kept: a slider sends many.
 * @param {string} control
 * @param {import('./camera.js').Value} value
 */
async function change(control, value) {
  waiting.set(control, value);
  if (busy) return;
  busy = true;
  fault = '';
  let source;
  while (waiting.size > 0) {
    const body = JSON.stringify({ controls: Object.fromEntries(waiting) });
    waiting = new Map();
    source = await ask(`api/sources/${encodeURIComponent(choice.value)}`, {
      method: 'PATCH', headers: { 'Content-Type': 'application/merge-patch+json' }, body,
    });
    if (!source) fault = notice.textContent ?? '';
  }
  busy = false;
  if (source) show(/** @type {Source} */ (source));
  else look(); // what it is really
}

/**
 * Asks the server. What is wrong is said, and nothing is returned then.
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<unknown>}
 */
async function ask(path, init = {}) {
  try {
    const response = await fetch(new URL(path, root), {
      ...init, headers: { ...init.headers, ...bearer(token) }, cache: 'no-store', signal: AbortSignal.timeout(REQUEST_LIMIT),
    });
    if (response.status === 401 || response.status === 403) {
      refused();
      return undefined;
    }
    if (!response.ok) {
      say((await refusal(response)).message);
      return undefined;
    }
    form.hidden = true;
    return await response.json();
  } catch {
    say(t('sessionsOffline'));
    return undefined;
  }
}

function refused() {
  close();
  say(token === '' ? '' : t('camerasWrong'));
  form.hidden = false;
  input.focus();
}

/** @param {string} text '' takes back what was said */
function say(text) {
  notice.textContent = text;
  notice.hidden = text === '';
}
