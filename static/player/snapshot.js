// @ts-check
// The picture that a video shows, as a file.

/**
 * @param {HTMLVideoElement} video
 * @returns {Promise<Blob | null>} a PNG in the size of the picture; null while there is none
 */
export function snapshot(video) {
  const { videoWidth: width, videoHeight: height } = video;
  if (width === 0) return Promise.resolve(null);
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  canvas.getContext('2d')?.drawImage(video, 0, 0, width, height);
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
}

/**
 * A name that sorts by time: "webcam 2026-11-24 22.05.09.png". Pure.
 * @param {string} stream
 * @param {Date} at in the viewer's own time
 */
export function fileName(stream, at) {
  /** @param {number} n */
  const two = (n) => String(n).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const safe = stream.replace(/[^\p{L}\p{N}_.-]+/gu, '-') || 'video';
  return `${safe} ${day} ${two(at.getHours())}.${two(at.getMinutes())}.${two(at.getSeconds())}.png`;
}

/**
 * Has the browser save the picture that a video shows.
 * @param {HTMLVideoElement} video
 * @param {string} source the absolute URL of what plays, whose last part names the file
 * @returns {Promise<boolean>} false while there is no picture
 */
export async function saveSnapshot(video, source) {
  const picture = await snapshot(video);
  if (!picture) return false;
  const stream = new URL(source).pathname.split('/').pop();
  const link = document.createElement('a');
  link.href = URL.createObjectURL(picture);
  link.download = fileName(stream ?? '', new Date());
  link.click();
  // The browser has taken the address by the time that the click returns; it only has to
  // live until the file is written.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  return true;
}
