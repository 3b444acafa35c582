// @ts-check
// The share dialog of the watch page: the link and its QR code, the lines to embed, the
// WHEP URL.

import { copyButton, make } from '../lib/dom.js';
import { frameLine } from './guide.js';
import { icon } from '../lib/icons.js';
import { encode } from '../lib/qr.js';
import { address, root } from './site.js';
import { t } from '../text/watch.js';

/** White modules around a code, without which cameras do not find it. */
const QUIET_ZONE = 4;

const svg = 'http://www.w3.org/2000/svg';

/**
 * A QR code as a picture: black on white in dark themes too, for cameras want it so.
 * @param {string} text
 * @returns {SVGSVGElement | undefined} undefined when the text is too long
 */
export function qrPicture(text) {
  let rows;
  try {
    rows = encode(text);
  } catch {
    return undefined;
  }
  const size = rows.length + 2 * QUIET_ZONE;
  const picture = document.createElementNS(svg, 'svg');
  picture.setAttribute('viewBox', `0 0 ${size} ${size}`);
  picture.setAttribute('class', 'qr');
  picture.setAttribute('role', 'img');
  picture.setAttribute('aria-label', t('qrLabel'));
  picture.setAttribute('shape-rendering', 'crispEdges');
  const path = document.createElementNS(svg, 'path');
  path.setAttribute('d', rows.flatMap((row, y) => row.flatMap((dark, x) =>
    (dark ? [`M${x + QUIET_ZONE},${y + QUIET_ZONE}h1v1h-1z`] : []))).join(''));
  picture.append(path);
  return picture;
}

/**
 * Opens the dialog. It is made when it is asked for, and gone when it is closed.
 * @param {string} stream
 * @param {string} token that viewers need, '' where they need none; shared only when somebody asks for that
 */
export function openShare(stream, token) {
  const close = make('button', { type: 'button', class: 'round', title: t('close'), 'aria-label': t('close') }, icon('close'));
  const about = make('div', { class: 'about' });
  const choice = make('input', { type: 'checkbox', id: 'share-token' });
  const dialog = make('dialog', { class: 'share card', 'aria-labelledby': 'share-title', autofocus: '', tabindex: '-1' },
    make('header', {}, make('h2', { id: 'share-title' }, t('share')), close), about);
  if (token) {
    dialog.append(make('div', { class: 'secret small notice' }, t('shareSecret'),
      make('label', { for: 'share-token' }, choice, t('includeToken'))));
  }
  const fill = () => about.replaceChildren(...lines(stream, choice.checked ? token : ''));
  choice.addEventListener('change', fill);
  fill();
  close.addEventListener('click', () => dialog.close());
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close(); // the backdrop
  });
  // Keys are not the player's while somebody reads here.
  dialog.addEventListener('keydown', (event) => event.stopPropagation());
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/**
 * @param {string} stream
 * @param {string} token part of the link, or ''
 */
function lines(stream, token) {
  // On this computer, the server has said where others in the network reach it.
  const lan = document.documentElement.dataset.lan;
  const loopback = isLoopback(location.hostname);
  const shared = (/** @type {string} */ text) => (loopback && lan ? text.replace(root.href, lan) : text);
  const link = `${shared(address('watch', stream))}${token ? `#token=${encodeURIComponent(token)}` : ''}`;
  const alone = loopback && !lan;
  const code = alone ? undefined : qrPicture(link); // no phone reaches this computer's own address
  return [
    ...(code ? [make('div', { class: 'code' }, code, make('p', { class: 'muted small' }, t('qrAbout')))] : []),
    make('div', { class: 'lines' },
      line(t(loopback && lan ? 'lanLink' : 'link'), link),
      ...(alone ? [make('p', { class: 'small notice' }, t('thisComputer'))] : []),
      line(t('frame'), shared(frameLine(stream))),
      line(t('whepUrl'), shared(address('whep', stream))),
      ...handOver(stream, link)),
  ];
}

/** @param {string} host */
function isLoopback(host) {
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127\./.test(host);
}

/** @param {string} what @param {string} text */
function line(what, text) {
  const id = `share-${what.replace(/\W+/g, '-')}-${text.length}`;
  const field = make('input', { id, readonly: '', value: text, spellcheck: 'false' });
  field.addEventListener('focus', () => field.select());
  return make('div', { class: 'field' },
    make('label', { for: id }, what),
    make('div', { class: 'row' }, field, copyButton(t('copy'), () => text)));
}

/**
 * A phone knows better whom to send it to.
 * @param {string} stream
 * @param {string} link
 */
function handOver(stream, link) {
  if (!navigator.share) return [];
  const button = make('button', { type: 'button', class: 'primary' }, t('send'));
  button.addEventListener('click', () => {
    navigator.share({ title: stream, url: link }).catch(() => {}); // somebody changed their mind
  });
  return [button];
}
