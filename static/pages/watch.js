// @ts-check
// The watch page: the player on the whole page, the stream's name and a way to share it.

import { byId } from '../lib/dom.js';
import { language, translatePage } from '../lib/i18n.js';
import { icon } from '../lib/icons.js';
import { openShare } from './share.js';
import { address } from './site.js';
import { readToken, saveToken, streamName } from './visit.js';
import { t } from '../text/watch.js';
import { WhepVideo } from '../whep-video.js';

/** What is written over the picture goes away when nobody has moved for so long, ms. */
const QUIET_AFTER = 3_000;

const name = streamName();
const player = byId('player', WhepVideo);

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
  open(readToken('view'));
  hideWhenQuiet();
}

/** @param {string} token */
function open(token) {
  player.token = token;
  player.src = address('whep', name);
  player.play();
}

function listen() {
  player.addEventListener('state', (event) => {
    const { name: state } = /** @type {CustomEvent<import('../player/states.js').State>} */ (event).detail;
    if (state === 'unauthorized') askForToken();
  });
  const share = byId('share', HTMLButtonElement);
  share.prepend(icon('share'));
  share.addEventListener('click', () => openShare(name, player.token !== ''));
  // What is typed inside the player it has seen already.
  document.addEventListener('keydown', (event) => {
    if (!event.composedPath().includes(player)) player.pressKey(event);
  });
}

function askForToken() {
  const form = byId('token-form', HTMLFormElement);
  const input = byId('token', HTMLInputElement);
  byId('token-title', HTMLElement).textContent = t(player.token !== '' ? 'tokenWrong' : 'tokenNeeded');
  form.hidden = false;
  player.hidden = true;
  input.value = '';
  input.focus();
  form.onsubmit = (event) => {
    event.preventDefault();
    form.hidden = true;
    player.hidden = false;
    saveToken('view', input.value.trim());
    open(input.value.trim());
  };
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
