// @ts-check
// The few icons, drawn by path so that no page loads a font or a picture for them.

const paths = {
  play: 'M8 5.5v13l11-6.5z',
  pause: 'M8.5 5.5v13M15.5 5.5v13',
  muted: 'M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9.5l5 5m0-5l-5 5',
  sound: 'M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11',
  fullscreen: 'M9 4.5H4.5V9M15 4.5h4.5V9M9 19.5H4.5V15M15 19.5h4.5V15',
  more: 'M4 7h10M18.5 7H20M4 17h1.5M10 17h10M16 4.7a2.3 2.3 0 1 0 .01 0M8 14.7a2.3 2.3 0 1 0 .01 0',
  pip: 'M3.5 5.5h17v13h-17zM12.5 12h6v4.5h-6z',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  copy: 'M9 9h11v11H9zM15 9V4.5H4.5V15H9',
  close: 'M6 6l12 12M18 6L6 18',
  share: 'M12 15V3.8M8 7.2l4-3.6 4 3.6M7 11H5v9.5h14V11h-2',
  listen: 'M4 14.5v-2.5a8 8 0 0 1 16 0v2.5M4 13.5h3.2v6H5.5A1.5 1.5 0 0 1 4 18zM20 13.5h-3.2v6h1.7A1.5 1.5 0 0 0 20 18z',
  warning: 'M12 4.2L2.8 19.8h18.4zM12 10v4.6M12 17.2v.1',
  leaveFullscreen: 'M4.5 9H9V4.5M19.5 9H15V4.5M4.5 15H9v4.5M19.5 15H15v4.5',
};

/** @typedef {keyof typeof paths} IconName */

const svg = 'http://www.w3.org/2000/svg';

/**
 * @param {IconName} name
 * @returns {SVGSVGElement} 24 by 24, in the colour of the text, hidden from readers
 */
export function icon(name) {
  const element = document.createElementNS(svg, 'svg');
  element.setAttribute('viewBox', '0 0 24 24');
  element.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(svg, 'path');
  path.setAttribute('d', paths[name]);
  element.append(path);
  return element;
}
