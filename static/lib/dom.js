// @ts-check
// Three small helpers for the pages' elements.

import { say } from '../text/common.js';

/**
 * The element with that id, which the page's HTML is sure to have.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`the page has no ${type.name} #${id}`);
  return element;
}

/**
 * Makes an element. Children are text or nodes, never markup: what comes from the
 * server cannot become part of the page.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string>} attributes
 * @param {...(string | Node)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * A button that copies a text and says so for a moment.
 * @param {string} name on the button
 * @param {() => string} text
 */
export function copyButton(name, text) {
  const button = make('button', { type: 'button', class: 'copy' }, name);
  button.addEventListener('click', async () => {
    const copied = await copy(text());
    button.textContent = say(copied ? 'copied' : 'pressCopy');
    setTimeout(() => { button.textContent = name; }, 1_600);
  });
  return button;
}

/**
 * The clipboard exists on secure addresses only, and a camera at http://192.168.…
 * is the common case: there the old command still works.
 * @param {string} text
 */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = make('textarea', { readonly: '', class: 'offscreen' });
    const focused = document.activeElement;
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand('copy');
    area.remove();
    if (focused instanceof HTMLElement) focused.focus();
    return copied;
  }
}
