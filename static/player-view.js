// @ts-check
// What <whep-video> looks like and how it is touched: the elements in its shadow, the
// rules of autoplay, the bar that hides itself. It knows no server.

import { icon } from './icons.js';
import { words } from './text.js';
import { style } from './whep-video-style.js';

/** @typedef {import('./states.js').State} State */
/** @typedef {import('./text.js').Words} Words */

/**
 * @typedef {object} Actions what the viewer can ask for
 * @property {() => void} play
 * @property {() => void} retry
 * @property {() => void} mute
 * @property {() => void} fullscreen
 */

/** The bar goes away when nobody has moved for so long, ms. */
const QUIET_AFTER = 3_000;

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
  #bar = part('div', 'bar');
  #live = part('span', 'live');
  #playButton = button('play');
  #retryButton = button('retry');
  #unmuteButton = button('unmute');
  #muteButton = button('button');
  #fullscreenButton = button('button');
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #quietTimer;
  /** @type {State} */
  #state = { name: 'idle' };
  /** The browser wants to be touched before it plays anything. */
  #blocked = false;
  #words = words([]);
  /** The headline without a countdown in it. */
  #said = '';
  #actions;

  /** The video element; its `muted` is what is heard. */
  video = document.createElement('video');

  /**
   * @param {ShadowRoot} root
   * @param {Actions} actions
   */
  constructor(root, actions) {
    this.#actions = actions;
    style(root);
    this.video.playsInline = true;
    this.video.setAttribute('part', 'video');
    this.#stage.tabIndex = 0;
    this.#stage.setAttribute('role', 'group');
    this.#announced.setAttribute('role', 'status');
    this.#countdown.setAttribute('aria-hidden', 'true');
    this.#headline.setAttribute('aria-hidden', 'true');
    this.#detail.setAttribute('aria-hidden', 'true');
    this.#playButton.append(icon('play'));
    this.#status.append(this.#spinner, this.#playButton, this.#headline, this.#detail, this.#countdown, this.#retryButton);
    this.#bar.append(this.#unmuteButton, this.#muteButton, this.#live, part('span', 'gap'), this.#fullscreenButton);
    this.#stage.append(this.video, this.#status, this.#bar, this.#announced);
    root.append(this.#stage);
    this.#draw();
  }

  /** @param {AbortSignal} signal ends the listeners and the timer */
  connect(signal) {
    const actions = this.#actions;
    /** @type {[EventTarget, string, (event: any) => void][]} */
    const listeners = [
      [this.#playButton, 'click', () => this.#pressPlay()],
      [this.#retryButton, 'click', actions.retry],
      [this.#unmuteButton, 'click', actions.mute],
      [this.#muteButton, 'click', actions.mute],
      [this.#fullscreenButton, 'click', actions.fullscreen],
      [this.#stage, 'dblclick', (event) => {
        if (event.target === this.video || event.target === this.#status) actions.fullscreen();
      }],
      [this.#stage, 'pointermove', () => this.#stir()],
      [this.#stage, 'pointerdown', () => this.#stir()],
      [this.#stage, 'focusin', () => this.#stir()],
      [this.#stage, 'keydown', (event) => this.#key(event)],
      [this.video, 'volumechange', () => this.#draw()],
      [this.video, 'pause', () => this.#resume()],
      [document, 'fullscreenchange', () => this.#draw()],
    ];
    for (const [target, type, listener] of listeners) target.addEventListener(type, listener, { signal });
    signal.addEventListener('abort', () => clearTimeout(this.#quietTimer), { once: true });
  }

  /** @param {string} url */
  set poster(url) {
    this.video.poster = url;
  }

  /** @param {boolean} shown */
  set controls(shown) {
    this.#bar.dataset.wanted = shown ? 'yes' : '';
    this.#draw();
  }

  get words() {
    return this.#words;
  }

  set words(words) {
    this.#words = words;
    this.#draw();
  }

  get muted() {
    return this.video.muted;
  }

  set muted(muted) {
    this.video.muted = muted;
    this.#draw();
  }

  /** @returns {MediaStream | null} */
  get stream() {
    return /** @type {MediaStream | null} */ (this.video.srcObject);
  }

  set stream(stream) {
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

  /**
   * @param {State} state
   * @param {{ headline: string, detail: string }} said
   */
  show(state, { headline, detail }) {
    this.#state = state;
    this.#said = state.name === 'idle' ? '' : headline;
    setText(this.#headline, this.#said);
    setText(this.#detail, detail);
    if (state.name !== 'idle') setText(this.#announced, detail ? `${headline.replace(/…$/, '')}. ${detail}` : headline);
    this.#draw();
    this.#stir();
  }

  #draw() {
    const { name, retryAt } = this.#state;
    const playing = name === 'playing' && !this.#blocked;
    const toPlay = name === 'idle' || this.#blocked;
    const silent = this.video.muted && playing && this.#hasAudio();
    const full = document.fullscreenElement !== null;
    const text = this.#words;

    this.#stage.lang = text.lang;
    this.#stage.setAttribute('aria-label', text.video);
    this.#status.classList.toggle('clear', playing);
    this.#spinner.hidden = toPlay || !busy.has(name);
    this.#playButton.hidden = !toPlay;
    this.#retryButton.hidden = retryAt === undefined || name === 'waiting';
    this.#bar.hidden = this.#bar.dataset.wanted !== 'yes' || !playing;
    this.#unmuteButton.hidden = !silent;
    this.#muteButton.hidden = this.video.muted || !this.#hasAudio();

    label(this.#playButton, text.play);
    label(this.#retryButton, text.retry, text.retry);
    label(this.#unmuteButton, text.unmute, icon('muted'), text.unmute);
    label(this.#muteButton, text.mute, icon('sound'));
    label(this.#fullscreenButton, full ? text.leaveFullscreen : text.fullscreen, icon(full ? 'leaveFullscreen' : 'fullscreen'));
    this.#live.textContent = text.live;
  }

  #hasAudio() {
    return (this.stream?.getAudioTracks() ?? []).some((track) => track.readyState === 'live');
  }

  /** @param {boolean} blocked */
  #setBlocked(blocked) {
    if (this.#blocked === blocked) return;
    this.#blocked = blocked;
    this.#draw();
  }

  #pressPlay() {
    if (this.#blocked) this.play();
    else this.#actions.play();
  }

  /** A live picture has no pause: phones pause the element when they lock or take a call. */
  #resume() {
    if (this.#state.name === 'playing' && !document.hidden && !this.#blocked) this.play();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    this.#stir();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const action = { m: this.#actions.mute, f: this.#actions.fullscreen }[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  /** Somebody is there: the bar shows, and hides again after a while. */
  #stir() {
    clearTimeout(this.#quietTimer);
    this.#stage.classList.remove('quiet');
    this.#quietTimer = setTimeout(() => {
      const focused = this.#bar.querySelector(':focus-visible') !== null;
      this.#stage.classList.toggle('quiet', this.#state.name === 'playing' && !focused);
    }, QUIET_AFTER);
  }
}

/**
 * @param {HTMLElement} element
 * @param {string} text written only when it is another one: a live region would be read again
 */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {string} tag @param {string} name of the part, and its class */
function part(tag, name) {
  const element = document.createElement(tag);
  element.className = name;
  element.setAttribute('part', name);
  return element;
}

/** @param {string} name */
function button(name) {
  const element = /** @type {HTMLButtonElement} */ (part('button', name));
  element.type = 'button';
  return element;
}

/**
 * Names a button. What is drawn on it is replaced only when it changes: a click on
 * an icon that is replaced between press and release would be lost.
 * @param {HTMLButtonElement} element
 * @param {string} name
 * @param {...(string | SVGElement)} content
 */
function label(element, name, ...content) {
  if (element.title === name) return;
  element.title = name;
  element.setAttribute('aria-label', name);
  if (content.length > 0) element.replaceChildren(...content);
}
