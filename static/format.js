// @ts-check
// Numbers as people read them. Pure.

/** @param {number} bitsPerSecond */
export function bitrate(bitsPerSecond) {
  if (bitsPerSecond >= 999_500) return `${(bitsPerSecond / 1_000_000).toFixed(1)} Mbit/s`;
  return `${Math.round(bitsPerSecond / 1_000)} kbit/s`;
}

/** @param {number} ms how long something has lasted */
export function duration(ms) {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return 'less than a minute';
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  const days = Math.floor(hours / 24);
  return hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
}

/** @param {number} count */
export function watching(count) {
  return count === 1 ? '1 person watching' : `${count} people watching`;
}

/** Codecs as they are called, where that is not how they are written. */
const codecNames = new Map([['h264', 'H.264'], ['h265', 'H.265'], ['opus', 'Opus']]);

/** @param {string} codec */
export function codecName(codec) {
  return codecNames.get(codec.toLowerCase()) ?? codec;
}

/**
 * One line about the media of a stream: "1280 × 720 · 30 fps · H.264 · Opus".
 * @param {import('./feed.js').Track[]} tracks
 */
export function media(tracks) {
  const parts = [];
  const video = tracks.find((track) => track.kind === 'video');
  if (video?.width && video.height) parts.push(`${video.width} × ${video.height}`);
  if (video?.fps) parts.push(`${Math.round(video.fps)} fps`);
  for (const track of [...tracks].sort((a, b) => b.kind.localeCompare(a.kind))) parts.push(codecName(track.codec));
  return parts.join(' · ');
}
