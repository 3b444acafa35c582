// @ts-check
// Cameras, microphones and screens of this computer, and what to do when the browser
// does not hand them out.

/**
 * @typedef {object} Wish what the person chose
 * @property {'camera' | 'screen'} source
 * @property {string} camera device id, '' for the browser's default
 * @property {string} microphone device id, '' for the default, 'none' for no sound
 * @property {number} width wished for; the device may give another size
 * @property {number} height
 */

/**
 * Trouble in words: what it is, and what to do about it.
 * @typedef {{ what: string, cures: string[] }} Trouble
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
 * @param {{ picture: boolean, sound: boolean }} need which of the two to open
 * @returns {Promise<MediaStream>} rejected with a DOMException; see troubleOf
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

/** @returns {Trouble} for a page on an address that browsers do not trust */
export function insecureTrouble() {
  const port = location.port ? `:${location.port}` : '';
  return {
    what: 'Browsers hand out cameras on secure addresses only, and this page was opened over plain HTTP.',
    cures: [
      `On the computer that Porthole runs on, open http://localhost${port}${location.pathname} instead.`,
      'From elsewhere, put an HTTPS proxy such as Caddy before Porthole and open the https:// address.',
      `To try it once in Chrome, add ${location.origin} at chrome://flags/#unsafely-treat-insecure-origin-as-secure.`,
    ],
  };
}

/**
 * @param {unknown} error of openMedia
 * @param {Wish} wish
 * @returns {Trouble}
 */
export function troubleOf(error, wish) {
  const name = error instanceof DOMException ? error.name : '';
  const thing = wish.source === 'screen' ? 'screen' : 'camera';
  switch (name) {
    case 'NotAllowedError':
      return {
        what: thing === 'screen' ? 'The screen was not shared.' : 'The browser was not allowed to use the camera or the microphone.',
        cures: thing === 'screen'
          ? ['Press the button again and choose a screen, a window or a tab.', 'If you were not asked, allow screen recording for the browser in the system’s settings.']
          : ['Press the camera or lock sign beside the address and allow both.', 'If they are allowed there, look at the privacy settings of the system.'],
      };
    case 'NotFoundError':
      return {
        what: wish.microphone === 'none' ? `No ${thing} was found.` : `No ${thing} or no microphone was found.`,
        cures: ['Plug one in, or choose Screen, or No sound.'],
      };
    case 'NotReadableError':
    case 'AbortError':
      return { what: `The ${thing} or the microphone could not be started.`, cures: ['Another program may be using it: close that one and try again.'] };
    case 'OverconstrainedError':
      return { what: 'The chosen device is not there any more.', cures: ['Choose another one.'] };
  }
  return { what: error instanceof Error ? error.message : 'The device could not be opened.', cures: [] };
}
