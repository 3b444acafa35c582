// @ts-check
// The form that asks for a view token, in the place of the player.

import { byId } from '../lib/dom.js';
import { t } from '../text/watch.js';
import { saveToken } from './visit.js';

/**
 * @param {import('../whep-video.js').WhepVideo} player
 * @param {(token: string) => void} open plays with the token
 */
export function askForToken(player, open) {
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

/**
 * Asks whenever the player says that it needs another token.
 * @param {import('../whep-video.js').WhepVideo} player
 * @param {(token: string) => void} open
 */
export function askWhenNeeded(player, open) {
  player.addEventListener('state', (event) => {
    const { name } = /** @type {CustomEvent<import('../player/states.js').State>} */ (event).detail;
    if (name === 'unauthorized') askForToken(player, open);
  });
}
