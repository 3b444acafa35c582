// @ts-check
// A second camera beside the first one, as a stream of its own: the same page once more, in a
// frame, where it leaves out its header and chooses a camera and no microphone by itself.

import { byId, make } from '../lib/dom.js';
import { t } from '../text/publish.js';
import { inThisLanguage } from './language.js';
import { address } from './site.js';

/** Whether this page is the second one. */
export const isSecond = window.parent !== window && new URLSearchParams(location.search).has('second');

/** @param {() => string} name of the first stream */
export function offerSecondCamera(name) {
  const button = byId('second', HTMLButtonElement);
  const place = byId('second-place', HTMLElement);
  if (isSecond || !navigator.mediaDevices) return;
  button.hidden = false;
  button.addEventListener('click', () => {
    const url = new URL(inThisLanguage(address('publish', `${name().slice(0, 62)}-2`)));
    url.searchParams.set('second', '');
    const frame = make('iframe', { src: url.href, class: 'second', title: t('secondCamera'), allow: 'camera; microphone; display-capture; screen-wake-lock; clipboard-write; autoplay' });
    const away = make('button', { type: 'button', class: 'plain' }, t('removeCamera'));
    away.addEventListener('click', () => {
      place.replaceChildren();
      button.hidden = false;
      button.focus();
    });
    button.hidden = true;
    place.replaceChildren(frame, away);
  });
}

/**
 * The camera for the second page: the first one that the other page does not show.
 * @param {MediaDeviceInfo[]} found
 */
export function otherCamera(found) {
  const cameras = found.filter(({ kind }) => kind === 'videoinput');
  /** @type {HTMLVideoElement | null} */
  const preview = window.parent.document.querySelector('#preview');
  const taken = preview?.srcObject instanceof Object ? /** @type {MediaStream} */ (preview.srcObject).getVideoTracks()[0]?.getSettings().deviceId : '';
  return cameras.find(({ deviceId }) => deviceId !== taken)?.deviceId ?? '';
}
