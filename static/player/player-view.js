// @ts-check
// What <whep-video> looks like and how it is touched: the elements in its shadow, the
// rules of autoplay, the bar that hides itself. It knows no server.

import { Controls } from './controls.js';
import { translator } from '../lib/i18n.js';
import { icon } from '../lib/icons.js';
import { KeysPanel } from './keys-panel.js';
import { button, label, part, setText } from './parts.js';
import { StatsPanel } from './stats-panel.js';
import { Still } from './still.js';
import { playerTexts } from '../text/player.js';
import { words } from '../text/states.js';
import { style } from './whep-video-style.js';

/** @typedef {import('./states.js').State} State */
/** @typedef {import('./layers.js').Layer} Layer */

/** The bar goes away when nobody has moved for so long, ms. */
const QUIET_AFTER = 3_000;

/** A word to the viewer stays for so long, ms. */
const TOAST = 3_000;

/** By how much an arrow key changes the volume, of 1. */
const LOUDER = 0.1;

/** States in which something is under way, so that a turning ring is honest. */
const busy = new Set(['connecting', 'waiting', 'stalled', 'reconnecting']);

export class PlayerView {
  #stage = part('div', 'stage');
  #status = part('div', 'status');
  #spinner = part('div', 'spinner');
  #headline = part('p', 'headline');
  #detail = part('p', 'detail');
  #countdown = part('p', 'countdown');
  #announced = part('p', 'reader');
  #notice = part('p', 'notice');
  #playButton = button('play');
  #retryButton = button('retry');
  #controls;
  #wantsControls = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #quietTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #toastTimer;
  /** @type {State} */
  #state = { name: 'idle' };
  /** The browser wants to be touched before it plays anything. */
  #blocked = false;
  #words = words([]);
  #say = translator(playerTexts, 'en');
  /** The headline without a countdown in it. */
  #said = '';
  /** What is said over the picture as long as it is so. */
  #standing = '';
  #actions;

  /** The video element; its `muted` is what is heard. */
  video = document.createElement('video');
  #still = new Still(this.video);
  #keys = new KeysPanel();
  /** The statistics over the picture. */
  panel;
  /** Whether what plays has no picture: that is said in its place. */
  soundOnly = false;
  /** Whether the server has no stream of this name: nothing is under way then. */
  unlisted = false;
  /** Whether sound has come: its track may be silent, and there is nothing to unmute then. */
  hasSound = false;
  /** How many watch; 0 when nobody tells. */
  viewers = 0;
  /** @type {Layer[]} that can be chosen from */
  layers = [];
  /** @type {import('./network.js').Network | undefined} */
  network = undefined;
  /** @type {Layer | undefined} */
  layer = undefined;

  /**
   * @param {ShadowRoot} root
   * @param {Omit<import('./controls.js').Actions, 'keys'>} actions
   */
  constructor(root, actions) {
    this.#actions = { ...actions, keys: () => {} };
    this.#actions.keys = () => { this.#keys.shown = !this.#keys.shown; };
    this.#controls = new Controls(this.#actions);
    this.panel = new StatsPanel(this.#say, actions.stats);
    style(root);
    this.video.playsInline = true;
    this.video.setAttribute('part', 'video');
    this.#stage.tabIndex = 0;
    this.#stage.setAttribute('role', 'group');
    this.#announced.setAttribute('role', 'status');
    for (const drawn of [this.#countdown, this.#headline, this.#detail]) drawn.setAttribute('aria-hidden', 'true');
    this.#playButton.append(icon('play'));
    this.#status.append(this.#spinner, this.#playButton, this.#headline, this.#detail, this.#countdown, this.#retryButton);
    this.#stage.append(this.video, this.#still.element, this.#status, this.#notice, this.panel.element, this.#keys.element, this.#controls.element, this.#announced);
    root.append(this.#stage);
    this.draw();
  }

  /** @param {AbortSignal} signal ends the listeners and the timers */
  connect(signal) {
    const actions = this.#actions;
    /** @type {[EventTarget, string, (event: any) => void][]} */
    const listeners = [
      [this.#playButton, 'click', () => this.#pressPlay()],
      [this.#retryButton, 'click', actions.retry],
      [this.#stage, 'dblclick', (event) => {
        if (event.target === this.video || event.target === this.#status) actions.fullscreen();
      }],
      [this.#stage, 'pointermove', () => this.#stir()],
      [this.#stage, 'pointerdown', () => this.#stir()],
      [this.#stage, 'focusin', () => this.#stir()],
      [this.#stage, 'keydown', (event) => {
        if (this.pressKey(event)) event.stopPropagation();
      }],
      [this.video, 'volumechange', () => this.draw()],
      [this.video, 'pause', () => this.resume()],
      [this.video, 'loadeddata', () => this.#still.drop()],
      [this.video, 'enterpictureinpicture', () => this.draw()],
      [this.video, 'leavepictureinpicture', () => this.draw()],
      [document, 'fullscreenchange', () => this.draw()],
    ];
    for (const [target, type, listener] of listeners) target.addEventListener(type, listener, { signal });
    this.#controls.connect(signal);
    signal.addEventListener('abort', () => {
      clearTimeout(this.#quietTimer);
      clearTimeout(this.#toastTimer);
    }, { once: true });
  }

  /** @param {string} url */
  set poster(url) {
    this.video.poster = url;
  }

  /** @param {boolean} shown */
  set controls(shown) {
    this.#wantsControls = shown;
    this.draw();
  }

  get words() {
    return this.#words;
  }

  set words(words) {
    this.#words = words;
    this.#say = translator(playerTexts, /** @type {import('../lib/i18n.js').Language} */ (words.lang));
    this.panel.say = this.#say;
    this.#keys.say = this.#say;
    this.draw();
  }

  /** The words of the controls and of the statistics. */
  get say() {
    return this.#say;
  }

  get muted() {
    return this.video.muted;
  }

  set muted(muted) {
    this.video.muted = muted;
    this.draw();
  }

  /** @returns {MediaStream | null} */
  get stream() {
    return /** @type {MediaStream | null} */ (this.video.srcObject);
  }

  set stream(stream) {
    if (stream !== this.video.srcObject) this.hasSound = false;
    this.#still.keep();
    // The same stream again is played from its newest picture.
    if (stream && stream === this.video.srcObject) this.video.srcObject = null;
    this.video.srcObject = stream;
    if (stream) this.play();
    else this.video.load(); // back to the poster
  }

  /**
   * Drawn, not announced: it changes every second. "Reconnecting in 3 s" says all that
   * the headline does, and takes its place.
   * @param {string} text
   */
  set countdown(text) {
    const alone = text !== '' && this.#state.name === 'reconnecting';
    setText(this.#headline, alone ? text : this.#said);
    setText(this.#countdown, alone ? '' : text);
  }

  /** @param {string} text said over the picture until it is another one; '' for nothing */
  set notice(text) {
    if (text === this.#standing) return;
    this.#standing = text;
    clearTimeout(this.#toastTimer);
    setText(this.#notice, text);
    if (text) setText(this.#announced, text);
    this.draw();
  }

  /** @param {string} text said over the picture for a moment */
  toast(text) {
    clearTimeout(this.#toastTimer);
    setText(this.#notice, text);
    setText(this.#announced, text);
    this.#toastTimer = setTimeout(() => setText(this.#notice, this.#standing), TOAST);
  }

  /**
   * Starts the video element. A browser that does not allow sound yet gets the video
   * muted; one that allows nothing gets a play button.
   */
  async play() {
    const { video } = this;
    if (!video.srcObject) return;
    try {
      await video.play();
      this.#setBlocked(false);
    } catch (error) {
      // A new stream interrupts the play() of the old one: not a refusal.
      if (!(error instanceof DOMException) || error.name !== 'NotAllowedError') return;
      if (video.muted) {
        this.#setBlocked(true);
      } else {
        video.muted = true;
        this.play();
      }
    }
  }

  /** Shows the last picture until there is another one. */
  keepPicture() {
    this.#still.keep();
  }

  /** What comes next is of another stream: the last picture says nothing of it. */
  forget() {
    this.#still.drop();
  }

  /** @param {number} by from -1 to 1 */
  changeVolume(by) {
    const { video } = this;
    video.volume = Math.min(1, Math.max(0, video.volume + by));
    if (by > 0) video.muted = false;
  }

  /**
   * @param {State} state
   * @param {{ headline: string, detail: string }} said
   */
  show(state, { headline, detail }) {
    if (state.name === 'playing') this.#still.drop();
    this.#state = state;
    this.#said = state.name === 'idle' ? '' : headline;
    setText(this.#headline, this.#said);
    setText(this.#detail, detail);
    if (state.name !== 'idle') setText(this.#announced, detail ? `${headline.replace(/…$/, '')}. ${detail}` : headline);
    this.draw();
    this.#stir();
  }

  /**
   * What a key does, here and on pages that are nothing but the player.
   * @param {KeyboardEvent} event
   * @returns {boolean} whether it did something
   */
  pressKey(event) {
    this.#stir();
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return false;
    const actions = this.#actions;
    const toggle = this.#state.name === 'idle' || this.#blocked ? () => this.#pressPlay() : actions.stop;
    const on = event.composedPath()[0];
    if (event.key === ' ' && on instanceof HTMLButtonElement) return false; // it presses the button
    if (on instanceof HTMLInputElement || on instanceof HTMLTextAreaElement) return false;
    const action = {
      arrowup: () => actions.volume(LOUDER), arrowdown: () => actions.volume(-LOUDER), '?': actions.keys,
      ...(this.#keys.shown ? { escape: actions.keys } : {}),
      ' ': toggle, k: toggle, m: actions.mute, f: actions.fullscreen, p: actions.pip, i: actions.stats, s: actions.snapshot,
    }[event.key.toLowerCase()];
    if (!action) return false;
    event.preventDefault();
    action();
    return true;
  }

  /** Brings everything up to date. */
  draw() {
    const { name, retryAt } = this.#state;
    const playing = name === 'playing' && !this.#blocked;
    const toPlay = name === 'idle' || this.#blocked;
    const text = this.#words;
    this.#stage.lang = text.lang;
    this.#stage.setAttribute('aria-label', text.video);
    this.#status.classList.toggle('clear', playing && !this.soundOnly);
    this.#spinner.hidden = toPlay || this.unlisted || !busy.has(name);
    this.#playButton.hidden = !toPlay;
    this.#retryButton.hidden = retryAt === undefined || name === 'waiting';
    label(this.#playButton, text.play);
    label(this.#retryButton, text.retry, text.retry);
    this.#controls.element.hidden = !this.#wantsControls || !playing;
    this.#controls.draw({
      words: text,
      say: this.#say,
      playing,
      muted: this.video.muted,
      volume: this.video.volume,
      height: this.video.videoHeight,
      hasAudio: this.hasSound && (this.stream?.getAudioTracks() ?? []).some((track) => track.readyState === 'live'),
      viewers: this.viewers,
      aside: this.#standing !== '',
      stats: this.panel.shown,
      network: this.network,
      layers: this.layers,
      layer: this.layer,
    });
  }

  /** @param {boolean} blocked */
  #setBlocked(blocked) {
    if (this.#blocked === blocked) return;
    this.#blocked = blocked;
    this.draw();
  }

  #pressPlay() {
    if (this.#blocked) this.play();
    else this.#actions.play();
  }

  /**
   * A live picture has no pause: browsers pause the element of a tab that they freeze, and
   * phones when they lock or take a call.
   */
  resume() {
    if (this.video.paused && this.#state.name === 'playing' && !document.hidden && !this.#blocked) this.play();
  }

  /** Somebody is there: the bar shows, and hides again after a while. */
  #stir() {
    clearTimeout(this.#quietTimer);
    this.#stage.classList.remove('quiet');
    this.#quietTimer = setTimeout(() => {
      this.#stage.classList.toggle('quiet', this.#state.name === 'playing' && !this.#controls.busy);
    }, QUIET_AFTER);
  }
}
