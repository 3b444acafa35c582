// @ts-check
// The pages' words in the reader's language. A page brings a catalogue with every text in
// each language; texts in its HTML are marked with data-text="key", so that the HTML says
// the same in English when no script runs:
//
//   const t = translator({ en: { watch: 'Watch', left: '{n} s left' }, zh: { watch: '观看', left: '还剩 {n} 秒' } });
//   translatePage(t);                      // <button data-text="watch">Watch</button>
//   label.textContent = t('left', { n: 3 });
//
// data-text-title, data-text-label (aria-label), data-text-placeholder and data-text-alt
// do for attributes what data-text does for the content.

/** @typedef {'en' | 'zh'} Language */

/** @typedef {Record<string, string | number>} Values that stand in a text as {name} */

/**
 * What a key says: a text, or a function where the words depend on the values (plurals).
 * @typedef {string | ((values: Values) => string)} Text
 */

/**
 * @template {string} K
 * @typedef {(key: K, values?: Values) => string} Translator
 */

/**
 * The first language of the list that there are words for, otherwise English.
 * @param {readonly (string | null | undefined)[]} tags BCP 47, best first
 * @returns {Language}
 */
export function choose(tags) {
  for (const tag of tags) {
    if (/^zh\b/i.test(tag ?? '')) return 'zh';
    if (/^en\b/i.test(tag ?? '')) return 'en';
  }
  return 'en';
}

/** The language of this page: what its address asks for (?lang=zh), otherwise the browser's. */
export const language = pageLanguage();

/** @returns {Language} */
function pageLanguage() {
  const asked = typeof location === 'undefined' ? null : new URLSearchParams(location.search).get('lang');
  return choose([asked, ...(typeof document === 'undefined' ? [] : navigator.languages)]);
}

/**
 * @template {string} K
 * @param {Record<Language, Record<K, Text>>} catalogue the same keys in each language
 * @param {Language} [to]
 * @returns {Translator<K>}
 */
export function translator(catalogue, to = language) {
  return (key, values = {}) => {
    const text = catalogue[to][key];
    if (typeof text === 'function') return text(values);
    return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
  };
}

/** What else of an element can be a text, by the end of the data attribute's name. */
const attributes = { Title: 'title', Label: 'aria-label', Placeholder: 'placeholder', Alt: 'alt' };

/**
 * Writes the marked texts of a page or of a part of it, and tells the browser and readers
 * which language they are in.
 * @param {(key: any) => string} t made by translator; its catalogue has every key of the HTML
 * @param {Document | HTMLElement} [root]
 */
export function translatePage(t, root = document) {
  if (root instanceof Document) root.documentElement.lang = language;
  /** @type {NodeListOf<HTMLElement>} */
  const marked = root.querySelectorAll('[data-text]');
  for (const element of marked) element.textContent = t(element.dataset.text);
  for (const [end, attribute] of Object.entries(attributes)) {
    /** @type {NodeListOf<HTMLElement>} */
    const holders = root.querySelectorAll(`[data-text-${end.toLowerCase()}]`);
    for (const element of holders) element.setAttribute(attribute, t(element.dataset[`text${end}`]));
  }
}
