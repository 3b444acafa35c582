// @ts-check
// The publish page: choose, see, go live.

import { byId } from '../lib/dom.js';
import { codecName } from '../lib/format.js';
import { Feed } from '../lib/feed.js';
import { inThisLanguage, offerOtherLanguage } from './language.js';
import { translatePage } from '../lib/i18n.js';
import { closeMedia, devices, isAllowedHere, openMedia, resize } from './media.js';
import { LevelMeter } from './meter.js';
import { diagnose } from '../player/porthole.js';
import { OnAir } from './on-air.js';
import { PublishWarnings } from './publish-warnings.js';
import { showState, showStats, showTrouble } from './publish-view.js';
import { Publisher } from './publisher.js';
import { isSecond, offerSecondCamera, otherCamera } from './second-camera.js';
import { address, streamNamePattern } from './site.js';
import { readToken, saveToken, streamName } from './visit.js';
import { t } from '../text/publish.js';
import { insecureTrouble, lostTrouble, troubleOf } from './trouble.js';
import { codecNames } from '../lib/whip.js';

/** @typedef {import('./media.js').Need} Need */

const both = { picture: true, sound: true };
const picture = { picture: true, sound: false };
const sound = { picture: false, sound: true };

let name = streamName();
const publisher = new Publisher({ diagnose });
const form = byId('settings', HTMLFormElement);
const preview = byId('preview', HTMLVideoElement);
const placeholder = byId('placeholder', HTMLElement);
const camera = byId('camera', HTMLSelectElement);
const microphone = byId('microphone', HTMLSelectElement);
const size = byId('size', HTMLSelectElement);
const rate = byId('bitrate', HTMLSelectElement);
const codec = byId('codec', HTMLSelectElement);
const token = byId('token', HTMLInputElement);
const streamField = byId('stream-name', HTMLInputElement);
const mute = byId('mute', HTMLButtonElement);
const feed = new Feed();
const warnings = new PublishWarnings();
const air = new OnAir();
const meter = new LevelMeter(byId('level', HTMLElement));

/** @type {MediaStream | undefined} what the preview shows and the publisher sends */
let stream;
/** Counts the openings, so that a slow one does not overtake a later choice. */
let opening = 0;
/** @type {{ need: Need, device: string } | undefined} what was pulled out, until something takes its place */
let lost;
/** @type {WakeLockSentinel | undefined} keeps a phone awake while it is live */
let awake;

function main() {
  translatePage(t);
  document.body.classList.toggle('framed', isSecond);
  call(name);
  offerOtherLanguage(t('otherLanguage'));
  offerSecondCamera(() => name);
  token.value = readToken('publish');
  follow();
  listen();
  offerCodecs();
  if (!isAllowedHere()) {
    showTrouble(insecureTrouble());
    placeholder.textContent = t('placeholderInsecure');
    for (const id of ['inputs', 'quality']) byId(id, HTMLFieldSetElement).disabled = true;
    return;
  }
  byId('go', HTMLButtonElement).disabled = false;
  begin();
}

/** Opens what is chosen at first: in the second page of two, the other camera, and no second microphone. */
async function begin() {
  // Before this, somebody may go live already: nothing is waited for that need not be.
  if (isSecond) {
    camera.value = otherCamera(await listDevices());
    microphone.value = 'none';
  }
  open(both);
}

/** @param {string} chosen what the stream is called from now on */
function call(chosen) {
  name = chosen;
  document.title = t('pageTitle', { name });
  byId('name', HTMLElement).textContent = streamField.value = air.name = name;
  byId('watch-link', HTMLAnchorElement).href = inThisLanguage(address('watch', name));
  const here = new URL(address('publish', name));
  history.replaceState(history.state, '', here.pathname + location.search + location.hash);
}

/** Publishes under another name, because the one before is taken. @param {string} other */
function rename(other) {
  publisher.stop();
  call(other);
  start();
}

/** Follows what the server says of the stream. It may want a token for that, too. */
function follow() {
  feed.start(token.value.trim() || readToken('view'));
}

/** @param {import('../lib/feed.js').Stream[]} streams @param {boolean} [needed] whether publishing takes a token */
function heard(streams, needed = false) {
  const stream = streams.find((one) => one.name === name);
  warnings.show(stream?.warnings);
  air.viewers = stream?.viewers;
  if (needed) byId('token-field', HTMLElement).hidden = false;
}

/** Silences what is sent, or takes that back. @param {boolean} silent */
function silence(silent) {
  mute.setAttribute('aria-pressed', String(silent));
  mute.textContent = t(silent ? 'unmute' : 'mute');
  for (const track of stream?.getAudioTracks() ?? []) track.enabled = !silent;
}

function listen() {
  feed.addEventListener('streams', (event) => heard(/** @type {CustomEvent<import('../lib/feed.js').Stream[]>} */ (event).detail, feed.publishToken));
  feed.addEventListener('offline', () => heard([]));
  feed.addEventListener('unauthorized', () => heard([], true)); // who may not even watch needs a token to publish
  mute.addEventListener('click', () => silence(mute.getAttribute('aria-pressed') !== 'true'));
  streamField.pattern = streamNamePattern;
  streamField.addEventListener('change', () => {
    if (streamField.validity.valid) call(streamField.value);
  });
  for (const radio of form.querySelectorAll('input[name=source]')) radio.addEventListener('change', () => open(picture));
  camera.addEventListener('change', () => open(picture));
  microphone.addEventListener('change', () => open(sound));
  size.addEventListener('change', () => resize(stream, wish()));
  rate.addEventListener('change', () => publisher.limit(Number(rate.value) * 1000));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (publisher.active) publisher.stop();
    else start();
  });
  publisher.addEventListener('state', (event) => {
    const state = /** @type {CustomEvent<import('./publisher.js').PublishState>} */ (event).detail;
    showState(state, { name, active: publisher.active, rename });
    warnings.own = air.live = state.name === 'live' || state.name === 'mending';
    stayAwake();
  });
  publisher.addEventListener('stats', (event) => showStats(/** @type {CustomEvent<import('../lib/stats.js').SendingStats>} */ (event).detail));
  window.addEventListener('online', () => publisher.wake());
  document.addEventListener('visibilitychange', stayAwake); // hiding the page gives the lock away
  // Left for good or for the back-forward cache: the stream ends and the camera's light goes out.
  window.addEventListener('pagehide', () => {
    publisher.stop();
    meter.listen(undefined);
    closeMedia(stream);
    stream = undefined;
  });
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) open(both);
  });
  navigator.mediaDevices?.addEventListener('devicechange', devicesChanged);
}

/** @returns {import('./media.js').Wish} */
function wish() {
  const screen = form.querySelector('input[name=source]:checked')?.getAttribute('value') === 'screen';
  const [width, height] = size.value.split('x').map(Number);
  return { source: screen ? 'screen' : 'camera', camera: camera.value, microphone: microphone.value, width, height };
}

/**
 * Opens what is chosen, shows it, and sends it when live.
 * @param {Need} change what is to be opened anew
 */
async function open(change) {
  const wanted = wish();
  const need = stream ? change : both;
  const turn = ++opening;
  byId('camera-field', HTMLElement).hidden = wanted.source === 'screen';
  try {
    const opened = await openFreely(wanted, need);
    if (turn === opening) await use(opened, need, wanted.source === 'camera');
    else closeMedia(opened);
  } catch (error) {
    if (turn === opening) showTrouble(troubleOf(error, wanted, need, () => open(need)));
  }
}

/**
 * Many phones open one camera at a time: then the present one is let go first.
 * @param {import('./media.js').Wish} wanted @param {Need} need
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
 * @param {Need} need the kinds that were opened; of the other one the track stays
 * @param {boolean} mirrored as in a mirror, which people expect of themselves
 */
async function use(opened, need, mirrored) {
  const before = stream;
  const kept = [...(need.picture ? [] : before?.getVideoTracks() ?? []), ...(need.sound ? [] : before?.getAudioTracks() ?? [])];
  for (const track of opened.getTracks()) track.addEventListener('ended', () => lostDevice(track));
  const now = new MediaStream([...opened.getTracks(), ...kept]);
  stream = now;
  const cured = lost && ((lost.need.picture && need.picture) || (lost.need.sound && need.sound));
  if (!lost || cured) {
    lost = undefined;
    showTrouble(undefined);
  }
  if (need.picture) {
    preview.classList.toggle('mirrored', mirrored);
    placeholder.hidden = true;
  }
  preview.srcObject = now;
  meter.listen(now);
  mute.hidden = now.getAudioTracks().length === 0;
  silence(mute.getAttribute('aria-pressed') === 'true');
  listDevices(); // they have names now

  const sameKinds = before?.getAudioTracks().length === now.getAudioTracks().length;
  if (publisher.active && sameKinds) await publisher.replace(now);
  else if (publisher.active) start(); // sound came or went: that takes a new offer
  closeMedia(before, now);
}

/**
 * A device was pulled out, or the sharing of a screen was ended by the browser's button.
 * The session goes on without it: what is chosen next is sent on the same one.
 * @param {MediaStreamTrack} track
 */
async function lostDevice(track) {
  if (!stream?.getTracks().includes(track)) return;
  const isPicture = track.kind === 'video';
  const screen = isPicture && wish().source === 'screen';
  lost = { need: isPicture ? picture : sound, device: track.getSettings().deviceId ?? '' };
  if (isPicture) {
    preview.srcObject = null;
    placeholder.textContent = t('placeholderLost');
    placeholder.hidden = false;
  }
  const found = screen ? [] : await listDevices();
  const kind = isPicture ? 'videoinput' : 'audioinput';
  const others = found.filter((device) => device.kind === kind && device.deviceId !== lost?.device && device.deviceId !== 'default');
  showTrouble(lostTrouble(screen ? 'screen' : isPicture ? 'camera' : 'microphone', others.map(({ label, deviceId }) => ({
    label: label || t('unnamed'),
    use: () => {
      (isPicture ? camera : microphone).value = deviceId;
      open(isPicture ? picture : sound);
    },
  }))));
}

/** What was pulled out and is back is used again by itself. */
async function devicesChanged() {
  const found = await listDevices();
  if (!lost || !found.some(({ deviceId }) => deviceId === lost?.device)) return;
  (lost.need.picture ? camera : microphone).value = lost.device;
  open(lost.need);
}

async function start() {
  if (!stream) await open(both); // nothing yet: perhaps it is allowed now
  if (!stream) return;
  saveToken('publish', token.value.trim());
  follow();
  publisher.start({
    endpoint: address('whip', name),
    token: token.value.trim() || undefined,
    stream,
    quality: { codec: codec.value, bitrate: Number(rate.value) * 1000 },
  });
}

async function stayAwake() {
  if (publisher.active && !document.hidden && (!awake || awake.released)) {
    awake = await navigator.wakeLock?.request('screen').catch(() => undefined); // a battery that is low says no
  } else if (!publisher.active) {
    awake?.release();
    awake = undefined;
  }
}

async function listDevices() {
  const found = await devices();
  fill(camera, found.filter(({ kind }) => kind === 'videoinput'), [['', t('defaultCamera')]], []);
  fill(microphone, found.filter(({ kind }) => kind === 'audioinput'), [['', t('defaultMicrophone')]], [['none', t('noSound')]]);
  return found;
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
    ...found.filter(({ deviceId }) => deviceId !== 'default').map(({ deviceId, label }) => [deviceId, label || t('unnamed')]),
    ...last,
  ].map(([value, label]) => new Option(label, value));
  select.replaceChildren(...options);
  select.value = options.some(({ value }) => value === chosen) ? chosen : first[0][0];
}

function offerCodecs() {
  const names = codecNames(RTCRtpSender.getCapabilities('video')?.codecs ?? []);
  codec.replaceChildren(...names.map((codec) => new Option(codecName(codec), codec)));
  // Some builds of Chromium and Firefox come without H.264.
  if (!names.includes('H264')) byId('codec-note', HTMLElement).textContent = t('codecNoteWithout');
}

main();
