// @ts-check
// Three small helpers for the pages' elements.

import { say } from '../text/common.js';
import { copyText } from './clipboard.js';

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
    const copied = await copyText(text());
    button.textContent = say(copied ? 'copied' : 'pressCopy');
    setTimeout(() => { button.textContent = name; }, 1_600);
  });
  return button;
}
