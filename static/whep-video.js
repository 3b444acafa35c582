// @ts-check
// <whep-video src="…/whep/NAME">: a live player for any page and any WHEP server.
//
//   <script type="module" src="https://HOST/static/whep-video.js"></script>
//   <whep-video src="https://HOST/whep/NAME" autoplay muted controls></whep-video>
//
// Attributes: src (WHEP URL), token (sent as Bearer), muted, autoplay (without it a
// play button is shown and nothing is fetched), controls, poster, lang (en or zh; the
// browser's language otherwise).
// Properties: state, stats, stream, video, muted, src, token.
// Methods: play(), stop(), retry(), toggleMute(), toggleFullscreen().
// Events (CustomEvent, not bubbling): "state" and "error" with {name, text, detail,
// reason, status, retryAt}, "stats" with PlaybackStats of stats.js every second.
// Parts: video, status, headline, detail, countdown, spinner, bar, button, unmute,
// play, retry, live. Custom properties: --whep-accent, --whep-fit.

import { Player } from './player.js';
import { PlayerView } from './player-view.js';
import { isError } from './states.js';
import { countdown, describe, words } from './text.js';

/** @typedef {import('./states.js').State} State */

/** How often a countdown is drawn, ms. */
const COUNT_EVERY = 250;

export class WhepVideo extends HTMLElement {
  static observedAttributes = ['src', 'token', 'muted', 'autoplay', 'controls', 'poster', 'lang'];

  #player = new Player();
  #view;
  /** @type {AbortController | undefined} ends every listener of the connected element */
  #listening;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #counting;
  /** @type {import('./stats.js').PlaybackStats | undefined} */
  #stats;
  /** True once play was asked for, by autoplay or by somebody; survives a lost connection. */
  #wanted = false;
  #restarting = false;

  constructor() {
    super();
    this.#view = new PlayerView(this.attachShadow({ mode: 'open' }), {
      play: () => this.play(),
      retry: () => this.retry(),
      mute: () => this.toggleMute(),
      fullscreen: () => this.toggleFullscreen(),
    });
  }

  connectedCallback() {
    this.#listening = new AbortController();
    this.#listenToPlayer(this.#listening.signal);
    this.#listenToPage(this.#listening.signal);
    this.#view.connect(this.#listening.signal);
    this.#view.muted = this.hasAttribute('muted');
    this.#translate();
    this.#showState();
    if (this.hasAttribute('autoplay')) this.play();
  }

  /** Leaves nothing behind: no timer, no listener, no session. */
  disconnectedCallback() {
    this.stop();
    this.#listening?.abort();
    this.#listening = undefined;
    clearInterval(this.#counting);
    this.#counting = undefined;
  }

  /**
   * @param {string} name
   * @param {string | null} before
   * @param {string | null} value
   */
  attributeChangedCallback(name, before, value) {
    if (name === 'poster') this.#view.poster = value ?? '';
    if (name === 'controls') this.#view.controls = value !== null;
    if (!this.#listening || before === value) return;
    if (name === 'muted') this.#view.muted = value !== null;
    if (name === 'lang') this.#translate();
    if (name === 'src' || name === 'token') this.#restart();
    if (name === 'autoplay' && value !== null) this.play();
  }

  get src() {
    return this.getAttribute('src') ?? '';
  }

  set src(url) {
    this.setAttribute('src', url);
  }

  get token() {
    return this.getAttribute('token') ?? '';
  }

  set token(token) {
    if (token) this.setAttribute('token', token);
    else this.removeAttribute('token');
  }

  get muted() {
    return this.#view.muted;
  }

  set muted(muted) {
    this.#view.muted = muted;
  }

  /** What the player is doing. */
  get state() {
    return this.#player.state;
  }

  /** The last measurement of the present session. */
  get stats() {
    return this.#stats;
  }

  /** The stream that is shown, or null. */
  get stream() {
    return this.#view.stream;
  }

  /** The video element inside, for snapshots and picture-in-picture. */
  get video() {
    return this.#view.video;
  }

  /** Plays and keeps playing, until stop or until the element leaves its page. */
  play() {
    this.#wanted = true;
    if (this.#player.state.name === 'idle') this.#start();
    else this.#view.play();
  }

  stop() {
    this.#wanted = false;
    this.#player.stop();
    this.#view.stream = null;
    this.#stats = undefined;
  }

  /** Does now what is being waited for. */
  retry() {
    this.#player.retry();
  }

  toggleMute() {
    this.#view.muted = !this.#view.muted;
  }

  /** Needs a user's action, as every browser wants it. */
  toggleFullscreen() {
    if (document.fullscreenElement) {
      document.exitFullscreen().catch(() => {});
    } else if (this.requestFullscreen) {
      this.requestFullscreen().catch(() => {});
    } else {
      // Safari on an iPhone puts nothing but the video element on the whole screen.
      /** @type {any} */ (this.video).webkitEnterFullscreen?.();
    }
  }

  #start() {
    if (!this.src) return;
    this.#player.start(new URL(this.src, document.baseURI).href, this.token || undefined);
  }

  /** A page that sets src and then token gets one session, not two. */
  #restart() {
    if (!this.#wanted || this.#restarting) return;
    this.#restarting = true;
    queueMicrotask(() => {
      this.#restarting = false;
      if (!this.#wanted || !this.#listening) return;
      if (this.src) this.#start();
      else this.#player.stop();
    });
  }

  /** @param {AbortSignal} signal */
  #listenToPlayer(signal) {
    const player = this.#player;
    player.addEventListener('state', () => this.#stateChanged(), { signal });
    player.addEventListener('stream', (event) => {
      this.#view.stream = /** @type {CustomEvent<MediaStream>} */ (event).detail;
    }, { signal });
    player.addEventListener('stats', (event) => {
      this.#stats = /** @type {CustomEvent<import('./stats.js').PlaybackStats>} */ (event).detail;
      this.dispatchEvent(new CustomEvent('stats', { detail: this.#stats }));
    }, { signal });
    this.#view.video.addEventListener('loadeddata', () => player.pictureShown(), { signal });
  }

  /** @param {AbortSignal} signal */
  #listenToPage(signal) {
    window.addEventListener('online', () => this.#player.wake(), { signal });
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.#player.wake();
    }, { signal });
    // The session is given back when the page goes; a page that comes out of the
    // browser's back-forward cache goes on as if it had been left open.
    window.addEventListener('pagehide', () => {
      const wanted = this.#wanted;
      this.stop();
      this.#wanted = wanted;
    }, { signal });
    window.addEventListener('pageshow', (event) => {
      if (event.persisted && this.#wanted) this.play();
    }, { signal });
  }

  #translate() {
    this.#view.words = words([this.getAttribute('lang'), ...navigator.languages]);
    this.#showState();
  }

  #stateChanged() {
    const { state } = this.#player;
    this.#showState();
    const { headline, detail } = describe(this.#view.words, state, { hasToken: this.token !== '' });
    const said = { ...state, text: headline, detail };
    this.dispatchEvent(new CustomEvent('state', { detail: said }));
    if (isError(state)) this.dispatchEvent(new CustomEvent('error', { detail: said }));
  }

  #showState() {
    const { state } = this.#player;
    this.#view.show(state, describe(this.#view.words, state, { hasToken: this.token !== '' }));
    clearInterval(this.#counting);
    this.#counting = undefined;
    this.#count();
    if (state.retryAt !== undefined) this.#counting = setInterval(() => this.#count(), COUNT_EVERY);
  }

  #count() {
    this.#view.countdown = countdown(this.#view.words, this.#player.state, Date.now());
  }
}

// Two copies of the module on one page must not stop it.
if (!customElements.get('whep-video')) customElements.define('whep-video', WhepVideo);
