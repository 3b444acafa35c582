// @ts-check
// The watch page: the player on the whole page, the stream's name and a way to share it.

import { byId, make } from '../lib/dom.js';
import { language, translatePage } from '../lib/i18n.js';
import { icon } from '../lib/icons.js';
import { inThisLanguage, offerOtherLanguage } from './language.js';
import { offerListening } from './listening.js';
import { openShare } from './share.js';
import { address } from './site.js';
import { askWhenNeeded } from './token-form.js';
import { readToken, streamName } from './visit.js';
import { t } from '../text/watch.js';
import { WhepVideo } from '../whep-video.js';

/** What is written over the picture goes away when nobody has moved for so long, ms. */
const QUIET_AFTER = 3_000;

const name = streamName();
const player = byId('player', WhepVideo);
const others = byId('others', HTMLElement);

function main() {
  translatePage(t);
  player.lang = language;
  document.title = `${name} · Porthole`;
  byId('title', HTMLElement).textContent = t('heading', { name });
  byId('name', HTMLElement).textContent = name;
  byId('name', HTMLElement).title = name;
  const options = new URLSearchParams(location.search);
  if (options.get('policy') === 'relay') player.setAttribute('policy', 'relay');
  if (options.has('stats')) player.setAttribute('stats', '');
  listen();
  offerOtherLanguage(t('otherLanguage'));
  open(readToken('view'));
  hideWhenQuiet();
}

/** @param {string} token */
function open(token) {
  player.token = token;
  player.src = address('whep', name);
  // The server has said on the page whether there is something to ask for.
  if (/away|unknown/.test(document.documentElement.dataset.stream ?? '')) player.await();
  else player.play();
}

/**
 * Where the stream is not one that the server has: those that it has.
 * @param {import('../lib/feed.js').Stream[]} streams
 */
function listOthers(streams) {
  const live = streams.some((stream) => stream.name === name) ? [] : streams.filter((stream) => stream.live || stream.state === 'standby');
  others.hidden = live.length === 0 || player.state.name !== 'waiting';
  others.replaceChildren(make('h2', {}, t('liveNow')), make('ul', {}, ...live.map((stream) =>
    make('li', {}, make('a', { class: 'button', href: inThisLanguage(address('watch', stream.name)) }, stream.name)))));
}

function listen() {
  askWhenNeeded(player, open);
  player.addEventListener('state', () => { if (player.state.name !== 'waiting') others.hidden = true; });
  player.addEventListener('streams', (event) => {
    listOthers(/** @type {CustomEvent<import('../lib/feed.js').Stream[]>} */ (event).detail);
  });
  const share = byId('share', HTMLButtonElement);
  share.prepend(icon('share'));
  share.addEventListener('click', () => openShare(name, player.token));
  offerListening(player, byId('listen', HTMLButtonElement), name);
  // What is typed inside the player it has seen already.
  document.addEventListener('keydown', (event) => {
    if (!event.composedPath().includes(player)) player.pressKey(event);
  });
}

function hideWhenQuiet() {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const stir = () => {
    document.body.classList.remove('quiet');
    clearTimeout(timer);
    timer = setTimeout(() => {
      document.body.classList.toggle('quiet', player.state.name === 'playing');
    }, QUIET_AFTER);
  };
  for (const type of ['pointermove', 'pointerdown', 'keydown']) document.addEventListener(type, stir);
  player.addEventListener('state', stir);
  stir();
}

main();
