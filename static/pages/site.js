// @ts-check
// Where this Porthole is, and what the page's address says.

/** The address that everything of this server is below, with a slash at the end: also
 * behind a reverse proxy that puts it below a path. */
export const root = new URL('../..', import.meta.url);

/** @param {'watch' | 'publish' | 'embed' | 'whip' | 'whep'} place @param {string} stream */
export function address(place, stream) {
  return new URL(`${place}/${encodeURIComponent(stream)}`, root).href;
}

/** What a stream may be called; the same rule as the server's. */
export const streamNamePattern = '(?!\\.{1,2}$)[A-Za-z0-9_.\\-]{1,64}';

/** The stream of this page: the last element of its path. */
export function streamName() {
  return decodeURIComponent(location.pathname.split('/').filter(Boolean).pop() ?? '');
}

/** Kept for the tab, never longer: closing it forgets the token. */
const tokenKey = { view: 'porthole.view-token', publish: 'porthole.publish-token' };

/** @typedef {keyof typeof tokenKey} TokenKind */

/**
 * The token of the page's address, otherwise the one typed before in this tab. The
 * fragment (#token=…) is the better place for it, as it never leaves the browser; a
 * token in the query is moved there, so that copying the address later does not put
 * it into the logs of others.
 * @param {TokenKind} kind
 */
export function readToken(kind) {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const query = new URLSearchParams(location.search);
  const fromQuery = query.get('token');
  if (fromQuery !== null) {
    query.delete('token');
    fragment.set('token', fragment.get('token') ?? fromQuery);
    const search = query.toString() ? `?${query}` : '';
    history.replaceState(history.state, '', `${location.pathname}${search}#${fragment}`);
  }
  const token = fragment.get('token');
  if (token === null) return stored(kind);
  saveToken(kind, token);
  return token;
}

/** @param {TokenKind} kind @param {string} token */
export function saveToken(kind, token) {
  try {
    sessionStorage.setItem(tokenKey[kind], token);
  } catch {
    // A frame without storage asks again after a reload.
  }
}

/** @param {TokenKind} kind */
function stored(kind) {
  try {
    return sessionStorage.getItem(tokenKey[kind]) ?? '';
  } catch {
    return '';
  }
}
