// @ts-check
// <whep-video src="…/whep/NAME">: a live player for any page and any WHEP server.
//
//   <script type="module" src="https://HOST/static/whep-video.js"></script>
//   <whep-video src="https://HOST/whep/NAME" autoplay muted controls></whep-video>
//
// Its attributes, properties, methods, events, keys and parts are told in docs/PLAYER.md.

import { Companion } from './player/companion.js';
import { Insight } from './player/insight.js';
import { tooNarrow } from './player/network.js';
import { LocalNetwork } from './player/localnetwork.js';
import { listenToPage } from './player/page-life.js';
import { Player } from './player/player.js';
import { PlayerView } from './player/player-view.js';
import { diagnose, ownStream } from './player/porthole.js';
import { toggleFullscreen, togglePictureInPicture } from './player/screen.js';
import { saveSnapshot, snapshot } from './player/snapshot.js';
import { SourceElement } from './player/source-element.js';
import { isError } from './player/states.js';
import { countdown, describe, words } from './text/states.js';

/** @typedef {import('./player/states.js').State} State */

/** How often a countdown is drawn, ms. */
const COUNT_EVERY = 250;

export class WhepVideo extends SourceElement {
  static observedAttributes = ['src', 'token', 'muted', 'autoplay', 'controls', 'poster', 'lang', 'stats', 'policy', 'ice-servers'];

  #player = new Player({ diagnose });
  #companion = new Companion({
    tell: (about, streams) => this.#learn(about, streams),
    there: () => this.#player.retry(),
    lost: () => this.#player.retry(),
  });
  /** Whether the server has a stream of this name; undefined when it has not said. */
  #listed = /** @type {boolean | undefined} */ (undefined);
  #localNetwork = new LocalNetwork(() => this.#say());
  /** @type {import('./player/porthole.js').About | undefined} */
  #about;
  #view;
  #insight;
  /** @type {AbortController | undefined} ends every listener of the connected element */
  #listening;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #counting;
  /** @type {import('./lib/stats.js').PlaybackStats | undefined} */
  #stats;
  /** True once play was asked for, by autoplay or by somebody; survives a lost connection. */
  #wanted = false;
  /** What was played last. */
  #endpoint = '';
  #restarting = false;

  constructor() {
    super();
    this.#view = new PlayerView(this.attachShadow({ mode: 'open' }), {
      play: () => this.play(),
      stop: () => this.stop(),
      retry: () => this.retry(),
      mute: () => this.toggleMute(),
      volume: (by) => this.#view.changeVolume(by),
      fullscreen: () => this.toggleFullscreen(),
      pip: () => this.togglePip(),
      snapshot: () => this.saveSnapshot(),
      stats: () => this.toggleStats(),
      choose: (layer) => this.#choose(layer),
    });
    this.#player.told = () => this.#companion.absent;
    this.#insight = new Insight(this.#view.panel, this.video, this.#player);
  }

  connectedCallback() {
    this.#listening = new AbortController();
    this.#listenToPlayer(this.#listening.signal);
    this.#listenToPage(this.#listening.signal);
    this.#view.connect(this.#listening.signal);
    this.#view.muted = this.hasAttribute('muted');
    this.#translate();
    this.#showStats();
    if (this.hasAttribute('autoplay')) this.play();
  }

  /** Leaves nothing behind: no timer, no listener, no session. */
  disconnectedCallback() {
    this.stop();
    this.#localNetwork.stop();
    this.#insight.show(false);
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
    if (name === 'stats') this.#showStats();
    if (['src', 'token', 'policy', 'ice-servers'].includes(name)) this.#restart();
    if (name === 'autoplay' && value !== null) this.play();
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

  /** How old the picture is and how that is known; undefined while the statistics are closed. */
  get delay() {
    return this.#insight.delay;
  }

  /** How many watch the stream; 0 when the server does not tell. */
  get viewers() {
    return this.#view.viewers;
  }

  /** The stream that is shown, or null. */
  get stream() {
    return this.#view.stream;
  }

  /** The video element inside. */
  get video() {
    return this.#view.video;
  }

  /** Plays and keeps playing, until stop or until the element leaves its page. */
  play() {
    this.#wanted = true;
    if (this.#player.state.name === 'idle') this.#start();
    else this.#view.play();
  }

  /** Plays as soon as the server says that the stream is there, which it is not now. */
  await() {
    this.#wanted = true;
    if (this.#player.state.name === 'idle') this.#start(false);
  }

  stop() {
    this.#wanted = false;
    this.#player.stop();
    this.#companion.stop();
    this.#view.stream = null;
    this.#stats = undefined;
    this.#learn(undefined);
  }

  /** Does now what is being waited for. */
  retry() {
    this.#player.retry();
  }

  toggleMute() {
    this.#view.muted = !this.#view.muted;
  }

  toggleStats() {
    this.toggleAttribute('stats');
  }

  /** Needs a user's action, as every browser wants it. */
  toggleFullscreen() {
    toggleFullscreen(this, this.video);
  }

  /** Likewise. */
  togglePip() {
    togglePictureInPicture(this.video);
  }

  /** @returns {Promise<Blob | null>} the present picture as PNG, null while there is none */
  snapshot() {
    return snapshot(this.video);
  }

  /** Has the browser save the present picture. */
  async saveSnapshot() {
    const { source } = this;
    if (source && await saveSnapshot(this.video, source.endpoint)) this.#view.toast(this.#view.say('saved'));
  }

  /**
   * Lets a page that is nothing but the player hand on its keys.
   * @param {KeyboardEvent} event
   * @returns {boolean} whether the key did something
   */
  pressKey(event) {
    return this.#view.pressKey(event);
  }

  #start(there = true) {
    const { source } = this;
    if (!source) return;
    const stream = source.events ? ownStream(source.endpoint) : undefined;
    if (source.endpoint !== this.#endpoint) this.#view.forget();
    this.#endpoint = source.endpoint;
    this.#insight.endpoint = source.endpoint;
    if (stream) this.#companion.start(stream, source.token);
    else this.#companion.stop();
    this.#player.start(source, there || !stream);
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
    /** @type {[string, (detail: any) => void][]} */
    const listeners = [
      ['state', () => this.#stateChanged()],
      ['stream', (stream) => { this.#view.stream = stream; }],
      ['ending', () => this.#view.keepPicture()],
      ['stats', (stats) => this.#measured(stats)],
      ['changed', () => this.#companion.hint()],
      ['viewers', (viewers) => this.#count(viewers)],
      ['network', (network) => this.#learnNetwork(network)],
      ['layers', (layers) => {
        this.#view.layers = player.canChoose ? layers : [];
        this.#view.draw();
      }],
    ];
    for (const [type, listener] of listeners) {
      player.addEventListener(type, (event) => listener(/** @type {CustomEvent} */ (event).detail), { signal });
    }
    this.video.addEventListener('loadeddata', () => player.pictureShown(), { signal });
  }

  /** @param {AbortSignal} signal */
  #listenToPage(signal) {
    listenToPage(signal, {
      networkChanged: () => this.#player.networkChanged(),
      visibilityChanged: () => this.#companion.visibilityChanged(),
      visible: () => {
        this.#player.wake();
        this.#view.resume();
      },
      // The session is given back when the page goes; a page that comes back goes on as
      // if it had been left open.
      leave: () => {
        const wanted = this.#wanted;
        this.stop();
        this.#wanted = wanted;
      },
      comeBack: () => {
        if (this.#wanted) this.play();
      },
    });
  }

  #translate() {
    this.#view.words = words(this.languages);
    this.#showNotice();
    this.#showState();
  }

  #showStats() {
    this.#insight.show(this.hasAttribute('stats'));
    this.#view.draw();
  }

  /** @param {import('./lib/stats.js').PlaybackStats} stats */
  #measured(stats) {
    this.#stats = stats;
    this.#insight.update(stats);
    if (stats.hasSound !== this.#view.hasSound) {
      this.#view.hasSound = stats.hasSound;
      this.#view.draw();
    }
    this.dispatchEvent(new CustomEvent('stats', { detail: { ...stats, delay: this.#insight.delay } }));
  }

  /**
   * @param {import('./player/porthole.js').About | undefined} about
   * @param {import('./lib/feed.js').Stream[]} [streams] all that there are, when they were told
   */
  #learn(about, streams) {
    const before = this.#about;
    const listed = streams ? about !== undefined : undefined;
    const news = before?.sourceState !== about?.sourceState || listed !== this.#listed;
    this.#about = about;
    this.#listed = listed;
    this.#showNotice();
    this.#count(about?.viewers ?? 0);
    if (news) this.#showState();
    if (streams) this.dispatchEvent(new CustomEvent('streams', { detail: streams }));
  }

  /** @param {import('./player/network.js').Network | undefined} network */
  #learnNetwork(network) {
    this.#insight.network = network;
    this.#view.network = network;
    this.#showNotice();
    this.#view.draw();
    this.dispatchEvent(new CustomEvent('network', { detail: network }));
  }

  /** What is said over the picture: that it is another one, or why it stands. */
  #showNotice() {
    const { say } = this.#view;
    const name = this.#about?.state === 'fallback' ? this.#about.fallback : undefined;
    this.#view.notice = name ? say('standIn', { name }) : tooNarrow(this.#view.network, say);
  }

  /** @param {number} viewers */
  #count(viewers) {
    if (viewers === this.#view.viewers) return;
    this.#view.viewers = viewers;
    this.#view.draw();
    this.dispatchEvent(new CustomEvent('viewers', { detail: viewers }));
  }

  /**
   * Asks for one encoding of the picture, until another source is played.
   * @param {string | undefined} rid undefined: the server chooses
   */
  choose(rid) {
    if (rid !== this.#view.layer?.rid) this.#choose(rid === undefined ? undefined : { id: rid, mediaId: '0', rid });
  }

  /** @param {import('./player/layers.js').Layer | undefined} layer */
  async #choose(layer) {
    this.#view.layer = layer;
    this.#view.draw();
    await this.#player.chooseLayer(layer);
    this.#view.layer = this.#player.layer;
    this.#view.draw();
  }

  #describe() {
    const context = { hasToken: this.token !== '', source: this.#about?.sourceState, listed: this.#listed, soundOnly: this.#player.soundOnly, bar: this.#localNetwork.bar };
    return describe(this.#view.words, this.#player.state, context);
  }

  #stateChanged() {
    const { state } = this.#player;
    if (state.name === 'playing') this.#companion.pace = 'playing';
    else this.#companion.pace = ['waiting', 'unknown', 'stalled'].includes(state.name) ? 'waiting' : 'none';
    if (state.name !== 'waiting') this.#listed = undefined;
    if (state.name !== 'playing') this.#insight.clear();
    this.#localNetwork.observe(state, this.source?.endpoint);
    this.#say();
  }

  /** Shows the state, and tells the page. */
  #say() {
    const { state } = this.#player;
    this.#showState();
    const { headline, detail } = this.#describe();
    const said = { ...state, text: headline, detail };
    this.dispatchEvent(new CustomEvent('state', { detail: said }));
    if (isError(state)) this.dispatchEvent(new CustomEvent('error', { detail: said }));
  }

  #showState() {
    const { state } = this.#player;
    this.#view.soundOnly = this.#player.soundOnly;
    this.#view.unlisted = this.#listed === false;
    this.#view.show(state, this.#describe());
    clearInterval(this.#counting);
    this.#counting = undefined;
    this.#drawCountdown();
    if (state.retryAt !== undefined) this.#counting = setInterval(() => this.#drawCountdown(), COUNT_EVERY);
  }

  #drawCountdown() {
    this.#view.countdown = countdown(this.#view.words, this.#player.state, Date.now());
  }
}

// Two copies of the module on one page must not stop it.
if (!customElements.get('whep-video')) customElements.define('whep-video', WhepVideo);
