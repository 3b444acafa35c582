// @ts-check
// For who listens more than they look, to a child asleep or a workshop: the sound plays on when the screen is off, and what is
// quieter than a threshold stays silent. The player is mute meanwhile, and the sound goes this way.

import { make } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { LevelMeter, levelOf } from './meter.js';
import { t } from '../text/watch.js';

/** How often the sound is measured, ms. */
const LOOK_EVERY = 50;

/** How long it goes on after the last loud moment, ms: a sentence has pauses. */
const HOLD = 1_500;

/** How fast it comes and goes, seconds; at once, it would click. */
const FADE = 0.05;

/** Kept in this browser. */
const KEY = 'porthole.listening';

/** @typedef {{ keep: boolean, threshold: number }} Wish threshold: 0 to 1 of the meter, 0: everything is heard */

/** A gate that opens when a sound is loud enough, and closes a while after the last one. Pure. */
export class Gate {
  #loudAt = -Infinity;

  /**
   * @param {number} level 0 to 1
   * @param {number} threshold likewise; at 0 it is always open
   * @param {number} now ms
   */
  isOpen(level, threshold, now) {
    if (level >= threshold) this.#loudAt = now;
    return now - this.#loudAt <= HOLD;
  }
}

/** The sound of a stream, by another way than through the player's video. */
class Sound {
  #audio = make('audio', { autoplay: '', hidden: '' });
  /** @type {AudioContext | undefined} */
  #context;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  /** @type {MediaStreamAudioSourceNode | undefined} */
  #source;

  constructor() {
    document.body.append(this.#audio);
  }

  /** @param {MediaStreamTrack[]} tracks @param {() => number} threshold asked all the time */
  start(tracks, threshold) {
    this.stop();
    const stream = new MediaStream(tracks);
    // A phone lets an element play on while it is locked, and suspends what only computes: so only the threshold computes.
    this.#audio.srcObject = threshold() > 0 ? this.#gated(stream, threshold) : stream;
    this.#audio.play().catch(() => {}); // nobody has touched the page yet: the next touch starts it
  }

  /** @param {MediaStream} stream @param {() => number} threshold */
  #gated(stream, threshold) {
    const context = this.#context ??= new AudioContext();
    context.resume().catch(() => {});
    const analyser = new AnalyserNode(context, { fftSize: 1024 });
    const gain = new GainNode(context, { gain: 0 });
    const out = new MediaStreamAudioDestinationNode(context);
    this.#source = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
    this.#source.connect(analyser);
    this.#source.connect(gain).connect(out);
    const samples = new Float32Array(analyser.fftSize);
    const gate = new Gate();
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const open = gate.isOpen(levelOf(samples), threshold(), performance.now());
      gain.gain.setTargetAtTime(open ? 1 : 0, context.currentTime, FADE);
    }, LOOK_EVERY);
    return out.stream;
  }

  stop() {
    clearInterval(this.#timer);
    this.#source?.disconnect();
    this.#source = undefined;
    this.#audio.pause();
    this.#audio.srcObject = null;
  }

  /** Whether something is heard, or would be were it loud enough. */
  get playing() {
    return !this.#audio.paused;
  }
}

/**
 * Puts a button for it onto the watch page. It is there while the stream has sound.
 * @param {import('../whep-video.js').WhepVideo} player
 * @param {HTMLButtonElement} button
 * @param {string} name of the stream
 */
export function offerListening(player, button, name) {
  const sound = new Sound();
  const wish = read();
  button.prepend(icon('listen'));
  const tracks = () => player.video.srcObject instanceof MediaStream ? player.video.srcObject.getAudioTracks() : [];
  const apply = () => {
    const heard = tracks();
    button.hidden = heard.length === 0;
    const wanted = heard.length > 0 && (wish.keep || wish.threshold > 0);
    button.setAttribute('aria-pressed', String(wanted));
    if (!wanted) {
      sound.stop();
      return;
    }
    player.muted = true;
    sound.start(heard, () => wish.threshold);
    if (navigator.mediaSession) navigator.mediaSession.metadata = new MediaMetadata({ title: name });
  };
  player.addEventListener('state', () => { if (player.state.name === 'playing') apply(); });
  // Who turns the player's own sound on wants that one.
  player.video.addEventListener('volumechange', () => {
    if (player.muted || !sound.playing) return;
    Object.assign(wish, { keep: false, threshold: 0 });
    write(wish);
    apply();
  });
  button.addEventListener('click', () => openDialog(wish, tracks(), () => {
    write(wish);
    const off = !wish.keep && wish.threshold === 0;
    apply();
    if (off) player.muted = false;
  }));
}

/** @param {Wish} wish @param {MediaStreamTrack[]} tracks @param {() => void} changed */
function openDialog(wish, tracks, changed) {
  const keep = make('input', { type: 'checkbox', id: 'listen-keep' });
  keep.checked = wish.keep;
  const threshold = make('input', { type: 'range', id: 'listen-threshold', min: '0', max: '1', step: '0.02', 'aria-describedby': 'listen-about' });
  threshold.value = String(wish.threshold);
  const level = make('div', { class: 'level', role: 'meter', 'aria-label': t('soundLevel'), 'aria-valuemin': '0', 'aria-valuemax': '100', 'aria-valuenow': '0' });
  const close = make('button', { type: 'button', class: 'round', title: t('close'), 'aria-label': t('close') }, icon('close'));
  const dialog = make('dialog', { class: 'share listen card', 'aria-labelledby': 'listen-title' },
    make('header', {}, make('h2', { id: 'listen-title' }, t('listen')), close),
    make('div', { class: 'lines' },
      make('div', { class: 'row check' }, keep, make('label', { for: 'listen-keep' }, t('keepSound'))),
      make('div', { class: 'field' },
        make('label', { for: 'listen-threshold' }, t('threshold')), level, threshold,
        make('p', { id: 'listen-about', class: 'muted small' }, t('thresholdAbout')))));
  const meter = new LevelMeter(level);
  meter.listen(new MediaStream(tracks));
  const update = () => {
    Object.assign(wish, { keep: keep.checked, threshold: Number(threshold.value) });
    changed();
  };
  keep.addEventListener('change', update);
  threshold.addEventListener('change', update);
  threshold.addEventListener('input', () => { if (wish.threshold > 0 && Number(threshold.value) > 0) wish.threshold = Number(threshold.value); });
  close.addEventListener('click', () => dialog.close());
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close(); // the backdrop
  });
  // Keys are not the player's while somebody chooses here.
  dialog.addEventListener('keydown', (event) => event.stopPropagation());
  dialog.addEventListener('close', () => {
    meter.listen(undefined);
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** @returns {Wish} */
function read() {
  try {
    const { keep, threshold } = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    return { keep: keep === true, threshold: Math.min(1, Math.max(0, Number(threshold) || 0)) };
  } catch {
    return { keep: false, threshold: 0 };
  }
}

/** @param {Wish} wish */
function write(wish) {
  try {
    localStorage.setItem(KEY, JSON.stringify(wish));
  } catch {
    // It is chosen again the next time.
  }
}
