// @ts-check
// The link to the same page in the other language, and links that keep the one that was
// asked for.

import { byId } from '../lib/dom.js';
import { language } from '../lib/i18n.js';

/** @param {string} name of the other language, in that language */
export function offerOtherLanguage(name) {
  const other = language === 'zh' ? 'en' : 'zh';
  const link = byId('language', HTMLAnchorElement);
  const query = new URLSearchParams(location.search);
  query.set('lang', other);
  link.href = `?${query}`;
  link.textContent = name;
  link.lang = other;
  link.hidden = false;
  // What stands behind the # goes along, and may change while the page is open.
  link.addEventListener('click', () => { link.hash = location.hash; });
}

/**
 * The address of another page, in the language that this one was asked for.
 * @param {string} href
 */
export function inThisLanguage(href) {
  return new URLSearchParams(location.search).has('lang') ? `${href}?lang=${language}` : href;
}
