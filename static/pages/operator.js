// @ts-check
// The operator's part of the home page: who is connected, and how. It asks nothing
// until somebody opens it, because most who see the page may not know.

import { byId } from '../lib/dom.js';
import { Feed } from '../lib/feed.js';
import { readToken, saveToken } from './visit.js';
import { SessionTable } from './sessions.js';
import { t } from '../text/home.js';

/** @typedef {import('../lib/feed.js').Session} Session */

const place = byId('operator', HTMLDetailsElement);
const form = byId('operator-form', HTMLFormElement);
const input = byId('operator-token', HTMLInputElement);
const notice = byId('sessions-notice', HTMLElement);
const summary = byId('sessions-summary', HTMLElement);
const feed = new Feed({ sessions: true });
const table = new SessionTable(byId('sessions', HTMLElement));
let token = '';

/** Makes the part work. The publish token may have been given to this tab before. */
export function serveOperator() {
  place.addEventListener('toggle', () => {
    if (place.open) start(readToken('publish') || readToken('view'));
    else stop();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    saveToken('publish', input.value.trim());
    start(input.value.trim());
  });
  feed.addEventListener('sessions', (event) => show(/** @type {CustomEvent<Session[]>} */ (event).detail));
  feed.addEventListener('unauthorized', refused);
  feed.addEventListener('offline', () => say(t('sessionsOffline')));
}

/** @param {string} chosen */
function start(chosen) {
  token = chosen;
  say('');
  feed.start(chosen);
}

function stop() {
  feed.stop();
  table.show([], token);
  summary.textContent = '';
}

/** @param {Session[]} sessions */
function show(sessions) {
  form.hidden = true;
  say('');
  table.show(sessions, token);
  const ended = sessions.filter((session) => session.ended).length;
  const text = sessions.length === 0 ? t('noSessions') : t('sessionsSummary', { live: sessions.length - ended, ended });
  if (summary.textContent !== text) summary.textContent = text;
}

function refused() {
  table.show([], token);
  summary.textContent = '';
  say(token === '' ? '' : t('operatorWrong'));
  form.hidden = false;
  input.focus();
}

/** @param {string} text '' takes back what was said */
function say(text) {
  notice.textContent = text;
  notice.hidden = text === '';
}
