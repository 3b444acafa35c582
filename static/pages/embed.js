// @ts-check
// The embed page: the player and nothing else. Options of the query: controls, muted,
// autoplay (each on unless 0, false, no or off), poster (a path of this server), lang,
// policy (relay: only through a TURN server).

import { byId } from '../lib/dom.js';
import { language, translatePage } from '../lib/i18n.js';
import { absolute } from '../lib/link.js';
import { address, root } from './site.js';
import { askWhenNeeded } from './token-form.js';
import { isOn, readToken, streamName } from './visit.js';
import { t } from '../text/watch.js';
import { WhepVideo } from '../whep-video.js';

const name = streamName();
const options = new URLSearchParams(location.search);
const player = byId('player', WhepVideo);

document.title = name;
for (const option of ['controls', 'muted']) player.toggleAttribute(option, isOn(options, option));
player.setAttribute('lang', language);
// The page's policy shows no picture of another host; a wrong address is no poster.
const poster = options.get('poster');
const posterURL = poster ? absolute(poster, root.href) : undefined;
if (posterURL) player.setAttribute('poster', posterURL);
if (options.get('policy') === 'relay') player.setAttribute('policy', 'relay');
translatePage(t);
askWhenNeeded(player, (token) => {
  player.token = token;
  player.play();
});
player.token = readToken('view');
player.src = address('whep', name);
if (isOn(options, 'autoplay') && /away|unknown/.test(document.documentElement.dataset.stream ?? '')) player.await();
else player.toggleAttribute('autoplay', isOn(options, 'autoplay'));
