// @ts-check
// The wall: many streams at once, those of ?streams=a,b,c or all that are live. A click
// makes one large, with sound; Escape takes it back. Streams come and go by themselves.

import { byId } from '../lib/dom.js';
import { Feed } from '../lib/feed.js';
import { translatePage } from '../lib/i18n.js';
import { t } from '../text/wall.js';
import { offerOtherLanguage } from './language.js';
import { canBeWatched, Tile } from './tile.js';
import { readToken, saveToken } from './visit.js';

/** @typedef {import('../lib/feed.js').Stream} Stream */

/** More at once than this nobody can follow, nor most computers decode. */
const MOST = 25;

const asked = new URLSearchParams(location.search).get('streams')?.split(',').map((name) => name.trim()).filter(Boolean);
const list = byId('wall', HTMLUListElement);
const summary = byId('summary', HTMLElement);
const feed = new Feed();
/** @type {Map<string, Tile>} */
const tiles = new Map();
let token = readToken('view');

function main() {
  translatePage(t);
  document.title = t('pageTitle');
  offerOtherLanguage(t('otherLanguage'));
  feed.addEventListener('streams', (event) => show(/** @type {CustomEvent<Stream[]>} */ (event).detail));
  feed.addEventListener('offline', () => { summary.textContent = t('offline'); });
  feed.addEventListener('unauthorized', askForToken);
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') enlarge(undefined);
  });
  addEventListener('pagehide', () => feed.stop());
  addEventListener('pageshow', (event) => {
    if (event.persisted) feed.start(token);
  });
  feed.start(token);
}

/** @param {Stream[]} streams */
function show(streams) {
  const live = streams.filter(canBeWatched).map(({ name }) => name);
  const names = (asked ?? live).slice(0, MOST);
  for (const [name, tile] of tiles) {
    if (names.includes(name)) continue;
    tile.update(undefined, token);
    tile.element.remove();
    tiles.delete(name);
  }
  for (const name of names) {
    let tile = tiles.get(name);
    if (!tile) {
      const made = new Tile(name, () => enlarge(made));
      tile = made;
      tiles.set(name, made);
      list.append(made.element);
    }
    tile.update(streams.find((stream) => stream.name === name), token);
  }
  list.style.setProperty('--columns', String(Math.ceil(Math.sqrt(Math.max(1, tiles.size)))));
  const hidden = live.filter((name) => !names.includes(name)).length;
  summary.textContent = live.length === 0 ? t('nothing')
    : hidden > 0 && !asked ? t('more', { n: live.length, more: hidden }) : t('summary', { n: live.length });
}

/** @param {Tile | undefined} chosen the one that is asked for; undefined, or the large one: back to the wall */
function enlarge(chosen) {
  for (const tile of tiles.values()) {
    const large = tile === chosen && !tile.large;
    if (tile.large === large) continue;
    tile.large = large;
    if (!large) tile.focus();
  }
}

function askForToken() {
  const form = byId('token-form', HTMLFormElement);
  const input = byId('token', HTMLInputElement);
  byId('token-title', HTMLElement).textContent = t(token ? 'tokenWrong' : 'tokenNeeded');
  form.hidden = false;
  summary.textContent = '';
  input.value = '';
  input.focus();
  form.onsubmit = (event) => {
    event.preventDefault();
    form.hidden = true;
    token = input.value.trim();
    saveToken('view', token);
    feed.start(token);
  };
}

main();
