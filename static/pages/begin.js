// @ts-check
// What a page with a player does first of all, as a script in the page itself: it sends the
// offer while the browser still loads the rest. The server has said on the page when the
// stream is not there; then there is nothing to offer for.

import { begin } from '../player/begun.js';
import { isOn, readToken, streamName } from './visit.js';

const options = new URLSearchParams(location.search);

/** A page that is loaded ahead of being asked for shows nobody anything. */
const wanted = !/** @type {any} */ (document).prerendering && !document.hidden;

if (wanted && typeof RTCPeerConnection === 'function' && isOn(options, 'autoplay') &&
    options.get('policy') !== 'relay' && !/away|unknown/.test(document.documentElement.dataset.stream ?? '')) {
  begin({
    // Pages lie one below the root, as the endpoints do.
    endpoint: new URL(`../whep/${encodeURIComponent(streamName())}`, location.href).href,
    token: readToken('view'),
    policy: 'all',
  });
}
