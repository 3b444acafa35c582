// @ts-check
// How to publish and how to embed: lines to copy, with this server's address in them.

import { copyButton, make } from './dom.js';
import { address, root } from './site.js';

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
 * @returns {Way[]}
 */
export function publishWays(stream) {
  const whip = address('whip', stream);
  return [
    {
      title: 'From this browser',
      about: 'Camera, microphone or screen of this computer. Browsers hand out the camera on https:// addresses and on localhost only.',
      lines: [],
      link: { text: `Open the publish page of ${stream}`, href: address('publish', stream) },
    },
    {
      title: 'OBS Studio',
      about: 'Settings, Stream, Service: WHIP. Choose H.264 without B-frames (tune zerolatency) and a keyframe interval of 1 or 2 seconds.',
      lines: [{ what: 'Server', text: whip }, { what: 'Bearer token', text: 'TOKEN' }],
    },
    {
      title: 'FFmpeg',
      about: 'Version 8 or later has the WHIP muxer. This sends a test picture with a tone; put your own input in place of the two lavfi lines.',
      lines: [{ text: ffmpegLine(whip) }],
    },
    {
      title: 'GStreamer',
      about: 'whipclientsink of gst-plugins-rs encodes by itself. This sends the first camera.',
      lines: [{ text: gstreamerLine(whip) }],
    },
  ];
}

/**
 * @param {string} stream
 * @returns {Way[]}
 */
export function embedWays(stream) {
  const whep = address('whep', stream);
  const script = new URL('static/whep-video.js', root).href;
  return [
    {
      title: 'As an element',
      about: 'The player of these pages. It reconnects by itself and says in words what is wrong.',
      lines: [{ text: `<script type="module" src="${script}"></script>\n<whep-video src="${whep}" autoplay muted controls></whep-video>` }],
    },
    {
      title: 'As a frame',
      about: 'For pages that take no scripts. Options of the address: controls=0, muted=0, autoplay=0, lang=zh.',
      lines: [{ text: frameLine(stream) }],
    },
    {
      title: 'In any WHEP player',
      about: 'GStreamer’s whepclientsrc, players of your own, other sites.',
      lines: [{ what: 'WHEP URL', text: whep }],
    },
  ];
}

/** @param {string} stream */
export function frameLine(stream) {
  return `<iframe src="${address('embed', stream)}" width="640" height="360" style="border:0" allow="autoplay; fullscreen"></iframe>`;
}

/** @param {string} whip */
function ffmpegLine(whip) {
  return [
    'ffmpeg -re',
    '-f lavfi -i testsrc2=size=1280x720:rate=30',
    '-f lavfi -i sine=frequency=440:sample_rate=48000',
    '-c:v libx264 -preset veryfast -tune zerolatency -profile:v baseline -pix_fmt yuv420p -g 60 -b:v 2500k',
    '-c:a libopus -ac 2 -b:a 96k',
    `-f whip -authorization TOKEN "${whip}"`,
  ].join(' \\\n  ');
}

/** @param {string} whip */
function gstreamerLine(whip) {
  return [
    'gst-launch-1.0',
    `whipclientsink name=out signaller::whip-endpoint="${whip}" signaller::auth-token=TOKEN`,
    'v4l2src ! videoconvert ! out.',
    'pulsesrc ! audioconvert ! audioresample ! out.',
  ].join(' \\\n  ');
}

/**
 * Shows the ways as a list of which one is open at a time. Called again with another
 * name, it leaves open what was open.
 * @param {HTMLElement} place
 * @param {Way[]} ways
 */
export function showWays(place, ways) {
  const open = [...place.querySelectorAll('details')].findIndex((details) => details.open);
  place.replaceChildren(...ways.map((way, index) => {
    const details = make('details', { class: 'card', name: place.id }, make('summary', {}, way.title), inside(way));
    details.open = index === open;
    return details;
  }));
}

/** @param {Way} way */
function inside(way) {
  const content = make('div', { class: 'inside' }, make('p', {}, way.about));
  for (const { what, text } of way.lines) {
    const line = make('div', { class: 'line' });
    if (what) line.append(make('span', { class: 'what' }, what));
    line.append(make('pre', { tabindex: '0' }, text), copyButton('Copy', () => text));
    content.append(line);
  }
  if (way.link) content.append(make('p', {}, make('a', { class: 'button', href: way.link.href }, way.link.text)));
  if (way.lines.some(({ text }) => text.includes('TOKEN'))) {
    content.append(make('p', { class: 'small' }, 'TOKEN stands for the publish token. A server without one ignores it.'));
  }
  return content;
}
