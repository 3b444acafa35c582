// @ts-check
// What the page's address says. It knows nothing of where its own module came from, so
// that it can also be part of a script in the page itself.

/** The stream of this page: the last element of its path. */
export function streamName() {
  return decodeURIComponent(location.pathname.split('/').filter(Boolean).pop() ?? '');
}

/**
 * Whether an option of the query is on, as it is unless it says 0, false, no or off.
 * @param {URLSearchParams} query
 * @param {string} option
 */
export function isOn(query, option) {
  return !/^(0|false|no|off)$/i.test(query.get(option) ?? '1');
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
