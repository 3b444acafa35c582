// @ts-check
// Helpers for the elements inside <whep-video>, each of which is a part that the page
// around it can style.

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} name of the part, and its class
 * @param {...(string | Node)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function part(tag, name, ...children) {
  const element = document.createElement(tag);
  element.className = name;
  element.setAttribute('part', name);
  element.append(...children);
  return element;
}

/** @param {string} name @param {...(string | Node)} children */
export function button(name, ...children) {
  const element = part('button', name, ...children);
  element.type = 'button';
  return element;
}

/**
 * @param {Element} element
 * @param {string} text written only when it is another one: a live region would be read again
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Names a button. What is drawn on it is replaced only when it changes: a click on
 * an icon that is replaced between press and release would be lost.
 * @param {HTMLButtonElement} element
 * @param {string} name
 * @param {...(string | Node)} content
 */
export function label(element, name, ...content) {
  if (element.title === name) return;
  element.title = name;
  element.setAttribute('aria-label', name);
  if (content.length > 0) element.replaceChildren(...content);
}
