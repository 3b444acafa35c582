// @ts-check
// The home page: what is live, how to publish, how to embed, who is connected.

import { Cards } from './cards.js';
import { byId } from '../lib/dom.js';
import { Feed } from '../lib/feed.js';
import { serveCameras } from './cameras.js';
import { embedWays, publishWays, showWays } from './guide.js';
import { translatePage } from '../lib/i18n.js';
import { inThisLanguage, offerOtherLanguage } from './language.js';
import { serveOperator } from './operator.js';
import { address, streamNamePattern } from './site.js';
import { readToken, saveToken } from './visit.js';
import { t } from '../text/home.js';

/** @typedef {import('../lib/feed.js').Stream} Stream */

/** How often "live for 3 min" is looked at, ms. */
const TICK_EVERY = 20_000;

const feed = new Feed();
const cards = new Cards(byId('streams', HTMLUListElement));
const summary = byId('summary', HTMLElement);
const notice = byId('notice', HTMLElement);
const tokenForm = byId('token-form', HTMLFormElement);
const publishName = byId('name', HTMLInputElement);
const publishToken = byId('publish-token', HTMLInputElement);
const tokenField = byId('publish-token-field', HTMLElement);
const embedName = byId('embed-name', HTMLInputElement);
let embedNameTyped = false;
let token = '';

function main() {
  translatePage(t);
  document.title = t('pageTitle');
  offerOtherLanguage(t('otherLanguage'));
  feed.addEventListener('streams', (event) => show(/** @type {CustomEvent<Stream[]>} */ (event).detail));
  feed.addEventListener('offline', () => {
    notice.textContent = t('offline');
    notice.hidden = false;
    summary.textContent = '';
  });
  feed.addEventListener('unauthorized', askForToken);
  token = readToken('view');
  feed.start(token);
  setInterval(() => cards.tick(), TICK_EVERY);
  guide();
  serveOperator();
  serveCameras();
}

/** @param {Stream[]} streams */
function show(streams) {
  notice.hidden = true;
  tokenForm.hidden = true;
  cards.show(streams, token);
  byId('empty', HTMLElement).hidden = streams.length > 0;
  summary.textContent = summaryOf(streams);
  const needed = feed.publishToken === true;
  if (needed === tokenField.hidden) {
    tokenField.hidden = !needed;
    publishName.dispatchEvent(new Event('input'));
  }

  const names = streams.map(({ name }) => name);
  byId('live-names', HTMLDataListElement).replaceChildren(...names.map((name) => new Option(name, name)));
  // The first stream is what somebody most likely wants to embed.
  if (!embedNameTyped && names.length > 0 && !names.includes(embedName.value)) {
    embedName.value = names[0];
    embedName.dispatchEvent(new Event('input'));
  }
}

/** @param {Stream[]} streams @returns {string} "1 live · 2 on demand · 3 watching", without what there is none of */
function summaryOf(streams) {
  const viewers = streams.reduce((sum, stream) => sum + (stream.viewers ?? 0), 0);
  const live = streams.filter((stream) => stream.live).length;
  const standby = streams.filter((stream) => stream.state === 'standby').length;
  const parts = [
    ...(live > 0 ? [t('summaryLive', { n: live })] : []),
    ...(standby > 0 ? [t('summaryStandby', { n: standby })] : []),
    ...(viewers > 0 ? [t('watching', { n: viewers })] : []),
  ];
  return parts.join(' · ') || (streams.length > 0 ? t('summaryNone') : '');
}

function askForToken() {
  const input = byId('token', HTMLInputElement);
  summary.textContent = '';
  notice.hidden = input.value === '';
  notice.textContent = t('tokenWrong');
  byId('empty', HTMLElement).hidden = true;
  cards.show([], '');
  tokenForm.hidden = false;
  tokenForm.onsubmit = (event) => {
    event.preventDefault();
    notice.hidden = true;
    token = input.value.trim();
    saveToken('view', token);
    feed.start(token);
  };
}

function guide() {
  publishToken.value = readToken('publish');
  publishToken.addEventListener('input', () => publishName.dispatchEvent(new Event('input')));
  follow(publishName, (name) => {
    const given = tokenField.hidden ? undefined : publishToken.value.trim();
    showWays(byId('publish-ways', HTMLElement), publishWays(name, given));
    for (const link of document.querySelectorAll('a[data-publish-link]')) link.setAttribute('href', inThisLanguage(address('publish', name)));
  });
  follow(embedName, (name) => showWays(byId('embed-ways', HTMLElement), embedWays(name)));
  embedName.addEventListener('keydown', () => { embedNameTyped = true; });
}

/**
 * Shows the lines for the name in the field, now and at every change to a good one.
 * @param {HTMLInputElement} input
 * @param {(name: string) => void} draw
 */
function follow(input, draw) {
  const valid = new RegExp(`^${streamNamePattern}$`);
  const update = () => {
    const good = valid.test(input.value);
    input.setAttribute('aria-invalid', String(!good));
    if (good) draw(input.value);
  };
  input.addEventListener('input', update);
  update();
}

main();
