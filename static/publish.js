// @ts-check
// The publish page: choose, see, go live.

import { byId, make } from './dom.js';
import { bitrate, codecName } from './format.js';
import { closeMedia, devices, insecureTrouble, isAllowedHere, openMedia, resize, troubleOf } from './media.js';
import { Publisher } from './publisher.js';
import { address, readToken, saveToken, streamName } from './site.js';
import { codecNames } from './whip.js';

/** @typedef {import('./publisher.js').PublishState} PublishState */
/** @typedef {import('./stats.js').SendingStats} SendingStats */

const name = streamName();
const publisher = new Publisher();
const go = byId('go', HTMLButtonElement);
const form = byId('settings', HTMLFormElement);
const preview = byId('preview', HTMLVideoElement);
const camera = byId('camera', HTMLSelectElement);
const microphone = byId('microphone', HTMLSelectElement);
const size = byId('size', HTMLSelectElement);
const rate = byId('bitrate', HTMLSelectElement);
const codec = byId('codec', HTMLSelectElement);
const token = byId('token', HTMLInputElement);
const state = byId('state', HTMLElement);
const trouble = byId('trouble', HTMLElement);

/** @type {MediaStream | undefined} what the preview shows and the publisher sends */
let stream;
/** Counts the openings, so that a slow one does not overtake a later choice. */
let opening = 0;
/** @type {ReturnType<typeof setInterval> | undefined} */
let counting;
/** Readings in a row that were held down by something. */
let limited = 0;

/** So many of them, a second apart, are worth a word. */
const LIMITED_READINGS = 30;

function main() {
  document.title = `Publish ${name} · Porthole`;
  byId('name', HTMLElement).textContent = name;
  byId('watch-link', HTMLAnchorElement).href = address('watch', name);
  token.value = readToken('publish');
  listen();
  offerCodecs();
  if (!isAllowedHere()) {
    showTrouble(insecureTrouble());
    byId('placeholder', HTMLElement).textContent = 'No camera on this address.';
    for (const id of ['inputs', 'quality']) byId(id, HTMLFieldSetElement).disabled = true;
    return;
  }
  go.disabled = false;
  listDevices();
  open();
}

function listen() {
  for (const radio of form.querySelectorAll('input[name=source]')) radio.addEventListener('change', () => open({ picture: true, sound: false }));
  camera.addEventListener('change', () => open({ picture: true, sound: false }));
  microphone.addEventListener('change', () => open({ picture: false, sound: true }));
  size.addEventListener('change', () => resize(stream, wish()));
  rate.addEventListener('change', () => publisher.limit(Number(rate.value) * 1000));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (publisher.active) publisher.stop();
    else start();
  });
  publisher.addEventListener('state', (event) => showState(/** @type {CustomEvent<PublishState>} */ (event).detail));
  publisher.addEventListener('stats', (event) => showStats(/** @type {CustomEvent<SendingStats>} */ (event).detail));
  window.addEventListener('online', () => publisher.wake());
  // Left for good or for the back-forward cache: the stream ends and the camera's light goes out.
  window.addEventListener('pagehide', () => {
    publisher.stop();
    closeMedia(stream);
    stream = undefined;
  });
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) open();
  });
  navigator.mediaDevices?.addEventListener('devicechange', listDevices);
}

/** @returns {import('./media.js').Wish} */
function wish() {
  const screen = form.querySelector('input[name=source]:checked')?.getAttribute('value') === 'screen';
  const [width, height] = size.value.split('x').map(Number);
  return { source: screen ? 'screen' : 'camera', camera: camera.value, microphone: microphone.value, width, height };
}

/**
 * Opens what is chosen, shows it, and sends it when live.
 * @param {{ picture: boolean, sound: boolean }} [change] what is to be opened anew
 */
async function open(change = { picture: true, sound: true }) {
  const wanted = wish();
  const need = stream ? change : { picture: true, sound: true };
  const turn = ++opening;
  byId('camera-field', HTMLElement).hidden = wanted.source === 'screen';
  try {
    const opened = await openFreely(wanted, need);
    if (turn === opening) await use(opened, need, wanted.source === 'camera');
    else closeMedia(opened);
  } catch (error) {
    if (turn === opening) showTrouble(troubleOf(error, wanted));
  }
}

/**
 * Many phones open one camera at a time: then the present one is let go first.
 * @param {import('./media.js').Wish} wanted @param {{ picture: boolean, sound: boolean }} need
 */
async function openFreely(wanted, need) {
  try {
    return await openMedia(wanted, need);
  } catch (error) {
    const taken = error instanceof DOMException && (error.name === 'NotReadableError' || error.name === 'AbortError');
    if (!taken || !need.picture || !stream) throw error;
    for (const track of stream.getVideoTracks()) track.stop();
    return openMedia(wanted, need);
  }
}

/**
 * @param {MediaStream} opened
 * @param {{ picture: boolean, sound: boolean }} need the kinds that were opened; of the other one the track stays
 * @param {boolean} mirrored as in a mirror, which people expect of themselves
 */
async function use(opened, need, mirrored) {
  const before = stream;
  const kept = [...(need.picture ? [] : before?.getVideoTracks() ?? []), ...(need.sound ? [] : before?.getAudioTracks() ?? [])];
  for (const track of opened.getTracks()) track.addEventListener('ended', () => lostDevice(track));
  const now = new MediaStream([...opened.getTracks(), ...kept]);
  stream = now;
  showTrouble(undefined);
  preview.srcObject = now;
  preview.classList.toggle('mirrored', mirrored);
  byId('placeholder', HTMLElement).hidden = true;
  listDevices(); // they have names now

  const sameKinds = before?.getAudioTracks().length === now.getAudioTracks().length;
  if (publisher.active && sameKinds) await publisher.replace(now);
  else if (publisher.active) start(); // sound came or went: that takes a new offer
  closeMedia(before, now);
}

/**
 * A device was pulled out, or the sharing of a screen was ended by the browser's button.
 * @param {MediaStreamTrack} track
 */
function lostDevice(track) {
  if (!stream?.getTracks().includes(track)) return;
  const screen = wish().source === 'screen' && track.kind === 'video';
  const lost = screen ? 'The sharing of the screen was ended.' : `The ${track.kind === 'video' ? 'camera' : 'microphone'} is gone.`;
  showTrouble({ what: lost, cures: [screen ? 'Choose Camera, or Screen again.' : 'Plug it in again, or choose another one.'] });
  if (screen) publisher.stop();
}

async function start() {
  if (!stream) await open(); // nothing yet: perhaps it is allowed now
  if (!stream) return;
  saveToken('publish', token.value.trim());
  showTrouble(undefined);
  publisher.start({
    endpoint: address('whip', name),
    token: token.value.trim() || undefined,
    stream,
    quality: { codec: codec.value, bitrate: Number(rate.value) * 1000 },
  });
}

async function listDevices() {
  const found = await devices();
  fill(camera, found.filter(({ kind }) => kind === 'videoinput'), [['', 'Default camera']], []);
  fill(microphone, found.filter(({ kind }) => kind === 'audioinput'), [['', 'Default microphone']], [['none', 'No sound']]);
}

/**
 * @param {HTMLSelectElement} select
 * @param {MediaDeviceInfo[]} found
 * @param {[string, string][]} first
 * @param {[string, string][]} last
 */
function fill(select, found, first, last) {
  const chosen = select.value;
  const options = [
    ...first,
    ...found.filter(({ deviceId }) => deviceId !== 'default').map(({ deviceId, label }) => [deviceId, label || 'Unnamed device']),
    ...last,
  ].map(([value, label]) => new Option(label, value));
  select.replaceChildren(...options);
  select.value = options.some(({ value }) => value === chosen) ? chosen : first[0][0];
}

function offerCodecs() {
  const names = codecNames(RTCRtpSender.getCapabilities('video')?.codecs ?? []);
  codec.replaceChildren(...names.map((codec) => new Option(codecName(codec), codec)));
  // Some builds of Chromium and Firefox come without H.264.
  if (!names.includes('H264')) byId('codec-note', HTMLElement).textContent = 'This browser cannot encode H.264; VP8 plays nearly everywhere.';
}

/** @param {PublishState} now */
function showState(now) {
  clearInterval(counting);
  const live = now.name === 'live';
  byId('badge', HTMLElement).hidden = !live;
  byId('stats', HTMLElement).hidden = !live;
  if (!live) showLimit('none');
  codec.disabled = token.disabled = publisher.active;
  go.textContent = publisher.active ? 'Stop' : 'Go live';
  go.classList.toggle('danger', publisher.active);
  go.classList.toggle('primary', !publisher.active);
  if (now.name === 'stopped') showTrouble(refusalTrouble(now));
  else showTrouble(now.name === 'reconnecting' && now.detail ? { what: now.detail, cures: [] } : undefined);

  const say = () => {
    const text = sentence(now);
    if (state.textContent !== text) state.textContent = text;
  };
  say();
  if (now.retryAt !== undefined) counting = setInterval(say, 500);
}

/** @param {PublishState} now */
function sentence({ name: is, retryAt }) {
  const seconds = retryAt === undefined ? 0 : Math.max(1, Math.ceil((retryAt - Date.now()) / 1000));
  switch (is) {
    case 'idle': return 'Not live';
    case 'connecting': return 'Connecting…';
    case 'live': return `Live as ${name}`;
    case 'busy': return 'Somebody else is publishing this stream. Yours goes live when that one ends.';
    case 'reconnecting': return seconds ? `Reconnecting in ${seconds} s` : 'Reconnecting…';
    case 'stopped': return 'Not live';
  }
}

/** @param {PublishState} now @returns {import('./media.js').Trouble} */
function refusalTrouble({ status, detail }) {
  switch (status) {
    case 401:
      token.setAttribute('aria-invalid', 'true');
      return token.value
        ? { what: 'The publish token is wrong.', cures: ['Type it again; Porthole prints it once when it starts, unless --publish-token sets it.'] }
        : { what: 'This server asks for a publish token.', cures: ['Type it into the field; Porthole prints it once when it starts, unless --publish-token sets it.'] };
    case 403:
      return { what: 'This token may not publish this stream.', cures: [] };
    case 422:
      return { what: 'The server cannot use what this browser offers.', cures: [detail || 'Choose another codec.'] };
  }
  return { what: 'The server refused the stream.', cures: [detail || `It answered with status ${status}.`] };
}

/** @param {import('./media.js').Trouble | undefined} shown */
function showTrouble(shown) {
  if (!shown || shown.what !== 'The publish token is wrong.') token.removeAttribute('aria-invalid');
  trouble.hidden = shown === undefined;
  trouble.replaceChildren();
  if (!shown) return;
  trouble.append(make('strong', {}, shown.what));
  if (shown.cures.length > 0) trouble.append(make('ul', {}, ...shown.cures.map((cure) => make('li', {}, cure))));
}

/** @param {SendingStats} stats */
function showStats(stats) {
  showLimit(stats.limitedBy);
  show('bitrate', bitrate(stats.bitrate));
  show('picture', stats.width ? `${stats.width} × ${stats.height}` : '–');
  show('fps', `${Math.round(stats.framesPerSecond)} fps`);
  show('codec', stats.codec ? codecName(stats.codec) : '–');
  show('rtt', stats.roundTripTime === undefined ? '–' : `${Math.round(stats.roundTripTime)} ms`);
  show('loss', stats.loss === undefined ? '–' : `${(stats.loss * 100).toFixed(1)} %`);
}

/**
 * Says what holds the quality down, once that has lasted: every stream starts small
 * and grows.
 * @param {string} by
 */
function showLimit(by) {
  limited = by === 'cpu' || by === 'bandwidth' ? limited + 1 : 0;
  const note = byId('limit', HTMLElement);
  note.hidden = limited < LIMITED_READINGS;
  note.textContent = by === 'cpu'
    ? 'This computer is too slow for the chosen quality, so the picture is sent smaller or with fewer frames.'
    : 'The network carries less than the chosen bitrate, so the quality is lowered.';
}

/** @param {string} what @param {string} text */
function show(what, text) {
  byId(`stat-${what}`, HTMLElement).textContent = text;
}

main();
