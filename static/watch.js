// @ts-check
// The watch page: the player on the whole page, the stream's name and its audience.

import { byId } from './dom.js';
import { Feed } from './feed.js';
import { watching } from './format.js';
import { language, translatePage } from './i18n.js';
import { address, readToken, saveToken, streamName } from './site.js';
import { t } from './text-watch.js';
import { WhepVideo } from './whep-video.js';

/** @typedef {import('./feed.js').Stream} Stream */

/** The name and the audience go away when nobody has moved for so long, ms. */
const QUIET_AFTER = 3_000;

const name = streamName();
const player = byId('player', WhepVideo);
const feed = new Feed();
let live = false;

function main() {
  translatePage(t);
  player.lang = language;
  document.title = `${name} · Porthole`;
  byId('title', HTMLElement).textContent = t('heading', { name });
  byId('name', HTMLElement).textContent = name;
  listen();
  open(readToken('view'));
  hideWhenQuiet();
}

/** @param {string} token */
function open(token) {
  player.token = token;
  player.src = address('whep', name);
  player.play();
  feed.start(token);
}

function listen() {
  player.addEventListener('state', (event) => {
    const { name: state } = /** @type {CustomEvent<import('./states.js').State>} */ (event).detail;
    if (state === 'unauthorized') askForToken();
  });
  feed.addEventListener('streams', (event) => {
    showStream(/** @type {CustomEvent<Stream[]>} */ (event).detail.find((stream) => stream.name === name));
  });
  feed.addEventListener('offline', () => showStream(undefined));
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLInputElement) return;
    if (event.key.toLowerCase() === 'm') player.toggleMute();
    if (event.key.toLowerCase() === 'f') player.toggleFullscreen();
  });
}

/** @param {Stream | undefined} stream */
function showStream(stream) {
  const viewers = byId('viewers', HTMLElement);
  viewers.hidden = !stream?.live || !stream.viewers;
  viewers.textContent = watching(stream?.viewers ?? 0);
  // The list knows first: no reason to wait for the player's next question.
  const started = stream?.live === true && !live;
  live = stream?.live === true;
  if (started && player.state.name !== 'playing') player.retry();
}

function askForToken() {
  feed.stop();
  const form = byId('token-form', HTMLFormElement);
  const input = byId('token', HTMLInputElement);
  const tried = player.token !== '';
  byId('token-title', HTMLElement).textContent = t(tried ? 'tokenWrong' : 'tokenNeeded');
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

/** What is written over the picture goes when it only plays and nobody moves. */
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
