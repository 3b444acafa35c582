// @ts-check
// What can be wrong on the publish page, in words, and what to do about it.

import { language } from '../lib/i18n.js';
import { isForeignPage } from '../player/states.js';
import { diagnosisInChinese } from '../text/diagnosis.js';
import { t } from '../text/publish.js';

/**
 * @typedef {object} Cure
 * @property {string} text
 * @property {string} [url] stands in the text, and is made a link
 * @property {() => void} [act] makes the text a button
 *
 * @typedef {object} Trouble
 * @property {string} what
 * @property {Cure[]} cures
 * @property {'token'} [field] the field that is wrong
 */

/** @returns {Trouble} for a page on an address that browsers do not trust */
export function insecureTrouble() {
  const port = location.port ? `:${location.port}` : '';
  const here = `http://localhost${port}${location.pathname}`;
  const there = `https://${location.host}${location.pathname}`;
  return {
    what: t('insecure'),
    cures: [
      { text: t('insecureHere', { url: here }), url: here },
      { text: t('insecureElsewhere', { url: there }), url: there },
      { text: t('insecureOnce', { origin: location.origin }) },
    ],
  };
}

/**
 * @param {unknown} error of openMedia
 * @param {import('./media.js').Wish} wish
 * @param {import('./media.js').Need} need
 * @param {() => void} again opens the same once more
 * @returns {Trouble}
 */
export function troubleOf(error, wish, need, again) {
  const screen = wish.source === 'screen' && need.picture;
  const retry = { text: t('tryAgain'), act: again };
  switch (error instanceof DOMException ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      return screen
        ? { what: t('refusedScreen'), cures: [{ text: t('refusedScreenAgain') }, { text: t('refusedScreenSystem') }, retry] }
        : { what: t('refusedDevice'), cures: [{ text: t('refusedDevicePage') }, { text: t('refusedDeviceSystem') }, retry] };
    case 'NotFoundError':
      return { what: missing(wish, need), cures: [{ text: t('plugOne') }, retry] };
    case 'NotReadableError':
    case 'AbortError':
      return { what: t(screen ? 'busyScreen' : 'busyDevice'), cures: [{ text: t('busyDeviceCure') }, retry] };
    case 'OverconstrainedError':
      return { what: t('deviceAway'), cures: [{ text: t('chooseAnother') }] };
  }
  return { what: error instanceof Error ? error.message : t('notOpened'), cures: [retry] };
}

/** @param {import('./media.js').Wish} wish @param {import('./media.js').Need} need */
function missing(wish, need) {
  if (!need.picture) return t('noMicrophone');
  if (wish.source === 'screen') return t('noScreen');
  return t(need.sound && wish.microphone !== 'none' ? 'noCameraOrMicrophone' : 'noCamera');
}

/**
 * A device was pulled out, or the sharing of a screen was ended by the browser's button.
 * @param {'camera' | 'screen' | 'microphone'} what
 * @param {{ label: string, use: () => void }[]} others that could take its place
 * @returns {Trouble}
 */
export function lostTrouble(what, others) {
  if (what === 'screen') return { what: t('screenEnded'), cures: [{ text: t('screenEndedCure') }] };
  return {
    what: t(what === 'camera' ? 'cameraGone' : 'microphoneGone'),
    cures: [{ text: t('gonePlug') }, ...others.map(({ label, use }) => ({ text: t('useOther', { label }), act: use }))],
  };
}

/**
 * A refusal that asking again does not change.
 * @param {import('./publisher.js').PublishState} state
 * @param {boolean} hasToken whether one was sent
 * @returns {Trouble}
 */
export function refusalTrouble({ status, detail }, hasToken) {
  switch (status) {
    case 401:
      return hasToken
        ? { what: t('tokenWrong'), cures: [{ text: t('tokenAgain') }], field: 'token' }
        : { what: t('tokenNeeded'), cures: [{ text: t('tokenType') }], field: 'token' };
    case 403:
      if (isForeignPage(detail)) break;
      return { what: t('tokenForbidden'), cures: [{ text: t('tokenPublish') }], field: 'token' };
    case 422:
      return { what: t('badOffer'), cures: [{ text: detail || t('otherCodec') }] };
  }
  return { what: t('refused'), cures: [{ text: detail || t('refusedStatus', { status: status ?? 0 }) }] };
}

const reasons = /** @type {const} */ ({
  unreachable: 'unreachable', server: 'serverTrouble', path: 'path', lost: 'lost', unusable: 'unusable',
});

/**
 * Why the connection is made again.
 * @param {import('./publisher.js').PublishState} state
 * @returns {Trouble | undefined}
 */
export function connectionTrouble({ reason, detail, code }) {
  if (!reason) return undefined;
  // The server's own sentence names addresses; it is in English.
  const words = language === 'zh' && code ? (diagnosisInChinese(code, detail) ?? detail) : detail;
  return { what: t(reasons[reason]), cures: words ? [{ text: words }] : [] };
}
