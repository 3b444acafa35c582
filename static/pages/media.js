// @ts-check
// Cameras, microphones and screens of this computer.

/**
 * @typedef {object} Wish what the person chose
 * @property {'camera' | 'screen'} source
 * @property {string} camera device id, '' for the browser's default
 * @property {string} microphone device id, '' for the default, 'none' for no sound
 * @property {number} width wished for; the device may give another size
 * @property {number} height
 */

/**
 * What is to be opened, or is lost.
 * @typedef {{ picture: boolean, sound: boolean }} Need
 */

/** Browsers hide devices altogether on addresses that somebody could listen in on. */
export function isAllowedHere() {
  return window.isSecureContext && navigator.mediaDevices !== undefined;
}

/** @returns {Promise<MediaDeviceInfo[]>} named only once a permission was given */
export async function devices() {
  if (!isAllowedHere()) return [];
  return (await navigator.mediaDevices.enumerateDevices()).filter(({ deviceId }) => deviceId !== '');
}

/**
 * Opens what was chosen, both kinds in one question where it can be one.
 * @param {Wish} wish
 * @param {Need} need which of the two to open
 * @returns {Promise<MediaStream>} rejected with a DOMException; see troubleOf in trouble.js
 */
export async function openMedia(wish, need) {
  const sound = need.sound && wish.microphone !== 'none';
  const audio = sound && (wish.microphone ? { deviceId: { exact: wish.microphone } } : true);
  const size = sizeOf(wish);
  if (wish.source === 'camera' && need.picture) {
    const camera = wish.camera ? { deviceId: { exact: wish.camera } } : {};
    return hint(await navigator.mediaDevices.getUserMedia({ video: { ...size, ...camera }, audio }), 'motion');
  }
  const stream = need.picture ? await navigator.mediaDevices.getDisplayMedia({ video: size, audio: false }) : new MediaStream();
  try {
    if (sound) {
      const voice = await navigator.mediaDevices.getUserMedia({ audio });
      for (const track of voice.getTracks()) stream.addTrack(track);
    }
  } catch (error) {
    closeMedia(stream); // a screen alone is not what was asked for
    throw error;
  }
  return hint(stream, 'detail');
}

/**
 * Changes the size of the picture without opening anything anew.
 * @param {MediaStream | undefined} stream
 * @param {Wish} wish
 */
export async function resize(stream, wish) {
  const [track] = stream?.getVideoTracks() ?? [];
  await track?.applyConstraints(sizeOf(wish)).catch(() => {}); // a wish: the device may know no other size
}

/** @param {Wish} wish */
function sizeOf({ width, height }) {
  return { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: 30 } };
}

/** @param {MediaStream} stream @param {'motion' | 'detail'} content what the encoder should save */
function hint(stream, content) {
  for (const track of stream.getVideoTracks()) track.contentHint = content;
  return stream;
}

/**
 * @param {MediaStream | undefined} stream
 * @param {MediaStream} [except] tracks that are in use elsewhere
 */
export function closeMedia(stream, except) {
  const kept = except?.getTracks() ?? [];
  for (const track of stream?.getTracks() ?? []) if (!kept.includes(track)) track.stop();
}
