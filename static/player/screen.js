// @ts-check
// Full screen and picture in picture, as the browsers have them.

/**
 * Puts an element on the whole screen, or takes it back. Needs a user's action.
 * @param {HTMLElement} element
 * @param {HTMLVideoElement} video inside it: Safari on an iPhone puts nothing but videos there
 */
export function toggleFullscreen(element, video) {
  if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
  else if (element.requestFullscreen) element.requestFullscreen().catch(() => {});
  else /** @type {any} */ (video).webkitEnterFullscreen?.();
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
