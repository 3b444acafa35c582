// @ts-check
// What happens to the page around a player: the network and the tab come and go.

/**
 * @param {AbortSignal} signal ends the listeners
 * @param {object} life
 * @param {() => void} life.networkChanged the computer is on the network again, or on another one
 * @param {() => void} life.visibilityChanged somebody looks again, or nobody does any more
 * @param {() => void} life.visible somebody looks again
 * @param {() => void} life.leave the page goes, perhaps into the back-forward cache
 * @param {() => void} life.comeBack it came out of there
 */
export function listenToPage(signal, { networkChanged, visibilityChanged, visible, leave, comeBack }) {
  window.addEventListener('online', networkChanged, { signal });
  /** @type {any} */ (navigator).connection?.addEventListener?.('change', networkChanged, { signal }); // Chrome's
  document.addEventListener('visibilitychange', () => {
    visibilityChanged();
    if (!document.hidden) visible();
  }, { signal });
  window.addEventListener('pagehide', leave, { signal });
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) comeBack();
  }, { signal });
}
