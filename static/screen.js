// @ts-check
// Full screen and picture in picture, as the browsers have them.

/** @returns {boolean} whether there was anything to leave */
export function leaveFullscreen() {
  if (!document.fullscreenElement) return false;
  document.exitFullscreen().catch(() => {});
  return true;
}

/**
 * Moves the picture into a small window of its own, or back. Needs a user's action. Where
 * the browser has none (Firefox has its own button) nothing happens.
 * @param {HTMLVideoElement} video
 */
export function togglePictureInPicture(video) {
  if (document.pictureInPictureElement) {
    document.exitPictureInPicture().catch(() => {});
  } else if (document.pictureInPictureEnabled) {
    video.requestPictureInPicture().catch(() => {});
  } else {
    /** @type {any} Safari's older way */
    const old = video;
    const inside = old.webkitPresentationMode === 'picture-in-picture';
    old.webkitSetPresentationMode?.(inside ? 'inline' : 'picture-in-picture');
  }
}
