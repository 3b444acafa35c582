// @ts-check
// The bar at the lower edge of the player: sound, the menu, picture in picture, full
// screen. It knows the video element and nothing of servers.

import { bitrate } from '../lib/format.js';
import { icon } from '../lib/icons.js';
import { Menu } from './menu.js';
import { automaticChoice } from './network.js';
import { button, label, part, setText } from './parts.js';

/** @typedef {import('./layers.js').Layer} Layer */
/** @typedef {import('../lib/i18n.js').Translator<keyof typeof import('../text/player.js').playerTexts.en>} Say */

/**
 * @typedef {object} Actions what the viewer can ask for
 * @property {() => void} play
 * @property {() => void} stop
 * @property {() => void} retry
 * @property {() => void} mute
 * @property {(by: number) => void} volume louder or quieter, 0 to 1
 * @property {() => void} fullscreen
 * @property {() => void} pip
 * @property {() => void} snapshot
 * @property {() => void} stats
 * @property {() => void} keys
 * @property {(layer: Layer | undefined) => void} choose
 */

/**
 * @typedef {object} Shown what the bar says
 * @property {import('../text/states.js').Words} words
 * @property {Say} say
 * @property {boolean} playing
 * @property {boolean} muted
 * @property {number} volume 0 to 1
 * @property {number} height of the picture that is shown, 0 before there is one
 * @property {boolean} hasAudio
 * @property {number} viewers 0 when nobody tells
 * @property {boolean} aside whether another stream stands in for this one
 * @property {boolean} stats whether the statistics are shown
 * @property {import('./network.js').Network | undefined} network to this viewer, where the server tells
 * @property {Layer[]} layers that can be chosen from
 * @property {Layer | undefined} layer the chosen one
 */

export class Controls {
  #actions;
  #liveWord = part('span', 'live-word');
  #watching = part('span', 'watching');
  #live = part('span', 'live', this.#liveWord, this.#watching);
  #pause = button('button pause');
  #unmute = button('unmute');
  #mute = button('button');
  #volume = part('input', 'volume');
  #more = button('button more');
  #pip = button('button pip');
  #fullscreen = button('button');
  #menu = new Menu(this.#more, () => this.#groups());
  /** @type {Shown | undefined} */
  #shown;

  element = part('div', 'bar');

  /** @param {Actions} actions */
  constructor(actions) {
    this.#actions = actions;
    Object.assign(this.#volume, { type: 'range', min: '0', max: '1', step: '0.05' });
    this.element.append(this.#pause, this.#unmute, this.#mute, this.#volume, this.#live, part('span', 'gap'),
      this.#more, this.#pip, this.#fullscreen, this.#menu.element);
  }

  /** @param {AbortSignal} signal ends the listeners */
  connect(signal) {
    const actions = this.#actions;
    this.#pause.addEventListener('click', actions.stop, { signal });
    this.#volume.addEventListener('input', () => {
      actions.volume(this.#volume.valueAsNumber - (this.#shown?.volume ?? 0));
    }, { signal });
    this.#unmute.addEventListener('click', actions.mute, { signal });
    this.#mute.addEventListener('click', actions.mute, { signal });
    this.#pip.addEventListener('click', actions.pip, { signal });
    this.#fullscreen.addEventListener('click', actions.fullscreen, { signal });
    this.#menu.connect(signal);
  }

  /** True while hiding the bar would take something from under somebody's fingers. */
  get busy() {
    return this.#menu.isOpen || this.element.querySelector(':focus-visible') !== null;
  }

  /** @param {Shown} shown */
  draw(shown) {
    this.#shown = shown;
    const { words, say, muted, hasAudio, viewers } = shown;
    const full = document.fullscreenElement !== null;
    const inPip = document.pictureInPictureElement !== null && document.pictureInPictureElement !== undefined;
    this.#unmute.hidden = !muted || !hasAudio;
    this.#mute.hidden = muted || !hasAudio;
    this.#pip.hidden = !hasPictureInPicture();
    label(this.#unmute, words.unmute, icon('muted'), part('span', 'unmute-text', words.unmute));
    this.#volume.hidden = muted || !hasAudio;
    this.#volume.value = String(shown.volume);
    this.#volume.title = say('volume');
    this.#volume.setAttribute('aria-label', say('volume'));
    label(this.#pause, say('stop'), icon('pause'));
    label(this.#mute, words.mute, icon('sound'));
    label(this.#more, say('more'), icon('more'));
    label(this.#pip, say(inPip ? 'leavePip' : 'pip'), icon('pip'));
    label(this.#fullscreen, full ? words.leaveFullscreen : words.fullscreen, icon(full ? 'leaveFullscreen' : 'fullscreen'));
    const live = shown.aside ? say('aside') : words.live;
    this.#live.classList.toggle('aside', shown.aside);
    const watching = viewers > 0 ? say('viewers', { n: viewers }) : '';
    setText(this.#liveWord, live);
    setText(this.#watching, watching);
    this.#live.title = watching ? `${live} · ${watching}` : live;
    if (!shown.playing) this.#menu.close();
    this.#menu.refresh();
  }

  /** @returns {import('./menu.js').Group[]} */
  #groups() {
    if (!this.#shown) return [];
    const { say, network, layers, layer, stats, height } = this.#shown;
    const actions = this.#actions;
    /** @type {import('./menu.js').Group[]} */
    const groups = [{
      items: [
        { text: say('statistics'), checked: stats, act: actions.stats },
        { text: say('snapshot'), act: actions.snapshot },
        { text: say('keys'), act: actions.keys },
      ],
    }];
    if (layers.length > 1) {
      const now = !layer && height > 0 ? say('automaticNow', { height }) : say('automatic');
      const automatic = (!layer && automaticChoice(network, say)) || now;
      groups.push({
        title: say('quality'),
        items: [undefined, ...layers].map((choice) => ({
          text: choice ? layerName(choice, say) : automatic,
          checked: choice?.id === layer?.id,
          radio: true,
          act: () => actions.choose(choice),
        })),
      });
    }
    return groups;
  }
}

/**
 * What people call a layer: by its height, as everywhere, or by what it is made of.
 * @param {Layer} layer
 * @param {Say} say
 */
function layerName({ id, height, bitrate: rate }, say) {
  if (height) return say('layerSize', { height });
  return rate ? say('layerRate', { id, rate: bitrate(rate) }) : id;
}

/** Firefox has its own button for it, and phones in part none. */
function hasPictureInPicture() {
  return document.pictureInPictureEnabled === true ||
    /** @type {any} */ (HTMLVideoElement.prototype).webkitSetPresentationMode !== undefined;
}
