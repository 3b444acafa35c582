// @ts-check
// Numbers as people read them, in the language of the page. Pure.

import { say } from '../text/common.js';

/** @param {number} bitsPerSecond */
export function bitrate(bitsPerSecond) {
  if (bitsPerSecond >= 999_500) return `${(bitsPerSecond / 1_000_000).toFixed(1)} Mbit/s`;
  return `${Math.round(bitsPerSecond / 1_000)} kbit/s`;
}

/** @param {number} ms how long something has lasted */
export function duration(ms) {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return say('moments');
  if (minutes < 60) return say('minutes', { m: minutes });
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? say('hoursMinutes', { h: hours, m: minutes % 60 }) : say('hours', { h: hours });
  const days = Math.floor(hours / 24);
  return hours % 24 ? say('daysHours', { d: days, h: hours % 24 }) : say('days', { d: days });
}

/** @param {number} ms @returns {string} 1:02:03 */
export function clock(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** @param {number} count */
export function watching(count) {
  return say('watching', { n: count });
}

/** Codecs as they are called, where that is not how they are written. */
const codecNames = new Map([['h264', 'H.264'], ['h265', 'H.265'], ['opus', 'Opus']]);

/** @param {string} codec */
export function codecName(codec) {
  return codecNames.get(codec.toLowerCase()) ?? codec;
}

/**
 * One line about the media of a stream: "1280 × 720 · 3 sizes · 30 fps · H.264 · Opus".
 * @param {import('./feed.js').Track[]} tracks
 */
export function media(tracks) {
  const parts = [];
  const encodings = tracks.filter((track) => track.kind === 'video').sort((a, b) => (b.height ?? 0) - (a.height ?? 0));
  const [video] = encodings;
  if (video?.width && video.height) parts.push(`${video.width} × ${video.height}`);
  if (encodings.length > 1) parts.push(say('sizes', { n: encodings.length }));
  if (video?.fps) parts.push(`${Math.round(video.fps)} fps`);
  const sorted = [...tracks].sort((a, b) => b.kind.localeCompare(a.kind));
  const codecs = new Set(sorted.map((track) => codecName(track.codec))); // the encodings of one picture have the same
  return [...parts, ...codecs].join(' · ');
}
