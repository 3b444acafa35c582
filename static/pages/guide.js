// @ts-check
// How to publish and how to embed: lines to copy, with this server's address in them.

import { copyButton, make } from '../lib/dom.js';
import { inThisLanguage } from './language.js';
import { spaceOf } from '../player/localnetwork.js';
import { address, root } from './site.js';
import { t } from '../text/home.js';

/**
 * @typedef {object} Line
 * @property {string} [what] names the line where a way has several
 * @property {string} text
 *
 * @typedef {object} Way
 * @property {string} title
 * @property {string} about
 * @property {Line[]} lines
 * @property {{ text: string, href: string }} [link]
 */

/**
 * @param {string} stream
 * @param {string | undefined} token that publishers send; '' when one is needed and not known, undefined when none is
 * @returns {Way[]}
 */
export function publishWays(stream, token) {
  const whip = address('whip', stream);
  return [
    {
      title: t('browser'),
      about: t('browserAbout'),
      lines: [],
      link: { text: t('browserLink', { name: stream }), href: inThisLanguage(address('publish', stream)) },
    },
    {
      title: 'OBS Studio',
      about: t('obsAbout'),
      lines: [{ what: t('server'), text: whip }, ...(token ? [{ what: t('bearer'), text: token }] : [])],
    },
    { title: 'FFmpeg', about: t('ffmpegAbout'), lines: [{ text: ffmpegLine(whip, token) }] },
    { title: 'GStreamer', about: t('gstreamerAbout'), lines: [{ text: gstreamerLine(whip, token) }] },
  ];
}

/**
 * @param {string} stream
 * @returns {Way[]}
 */
export function embedWays(stream) {
  const whep = address('whep', stream);
  const script = new URL('static/whep-video.js', root).href;
  const picture = new URL(`snapshot/${encodeURIComponent(stream)}.jpg?width=640`, root).href;
  return [
    {
      title: t('element'),
      about: t('elementAbout'),
      lines: [{ text: `<script type="module" src="${script}"></script>\n<whep-video src="${whep}" autoplay muted controls></whep-video>` }],
    },
    { title: t('frame'), about: t('frameAbout'), lines: [{ text: frameLine(stream) }] },
    { title: t('cms'), about: t('cmsAbout'), lines: [{ what: t('watchPage'), text: address('watch', stream) }] },
    { title: t('anyPlayer'), about: t('anyPlayerAbout'), lines: [{ what: 'WHEP URL', text: whep }] },
    { title: t('picture'), about: t('pictureAbout'), lines: [{ text: picture }] },
  ];
}

/** @param {string} stream */
export function frameLine(stream) {
  // A page from the internet may have to ask its reader for a server in their own network.
  const local = spaceOf(root.hostname) === 'public' ? '' : '; local-network-access';
  return `<iframe src="${address('embed', stream)}" width="640" height="360" style="border:0" allow="autoplay; fullscreen${local}"></iframe>`;
}

/** @param {string} whip @param {string} [token] */
function ffmpegLine(whip, token) {
  return [
    'ffmpeg -re',
    '-f lavfi -i testsrc2=size=1280x720:rate=30',
    '-f lavfi -i sine=frequency=440:sample_rate=48000',
    '-c:v libx264 -preset veryfast -tune zerolatency -profile:v baseline -pix_fmt yuv420p -g 60 -b:v 2500k',
    '-c:a libopus -ac 2 -b:a 96k',
    `-f whip${token ? ` -authorization ${token}` : ''} "${whip}"`,
  ].join(' \\\n  ');
}

/** @param {string} whip @param {string} [token] */
function gstreamerLine(whip, token) {
  return [
    'gst-launch-1.0',
    `whipclientsink name=out signaller::whip-endpoint="${whip}"${token ? ` signaller::auth-token=${token}` : ''}`,
    'v4l2src ! videoconvert ! out.',
    'pulsesrc ! audioconvert ! audioresample ! out.',
  ].join(' \\\n  ');
}

/**
 * Shows the ways as tabs. Called again with another name, it leaves open what was open.
 * @param {HTMLElement} place
 * @param {Way[]} ways
 */
export function showWays(place, ways) {
  const focused = place.contains(document.activeElement) && document.activeElement?.getAttribute('role') === 'tab';
  const before = [...place.querySelectorAll('[role=tab]')].findIndex((tab) => tab.getAttribute('aria-selected') === 'true');
  const tabs = ways.map(({ title }, index) => make('button', {
    type: 'button', role: 'tab', id: `${place.id}-tab-${index}`, 'aria-controls': `${place.id}-panel-${index}`,
  }, title));
  const panels = ways.map((way, index) => {
    const panel = inside(way);
    panel.id = `${place.id}-panel-${index}`;
    panel.setAttribute('role', 'tabpanel');
    panel.setAttribute('aria-labelledby', tabs[index].id);
    return panel;
  });
  /** @param {number} chosen */
  const open = (chosen) => {
    tabs.forEach((tab, index) => {
      tab.setAttribute('aria-selected', String(index === chosen));
      tab.tabIndex = index === chosen ? 0 : -1;
      panels[index].hidden = index !== chosen;
    });
  };
  tabs.forEach((tab, index) => {
    tab.addEventListener('click', () => open(index));
    tab.addEventListener('keydown', ({ key }) => {
      const to = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: tabs.length - 1 }[key];
      if (to === undefined) return;
      const next = (to + tabs.length) % tabs.length;
      open(next);
      tabs[next].focus();
    });
  });
  const list = make('div', { role: 'tablist', class: 'tabs', 'aria-labelledby': `${place.id.replace('-ways', '')}-title` }, ...tabs);
  place.replaceChildren(list, ...panels);
  open(Math.max(before, 0));
  if (focused) tabs[Math.max(before, 0)].focus();
}

/** @param {Way} way */
function inside(way) {
  const content = make('div', { class: 'inside card' }, make('p', {}, way.about));
  for (const { what, text } of way.lines) {
    const line = make('div', { class: 'line' });
    if (what) line.append(make('span', { class: 'what' }, what));
    line.append(make('pre', { tabindex: '0' }, text), copyButton(t('copy'), () => text));
    content.append(line);
  }
  if (way.link) content.append(make('p', {}, make('a', { class: 'button', href: way.link.href }, way.link.text)));
  return content;
}
