// @ts-check
// The player's words about its states, in English and Chinese. Pure.

import { inChinese, sourceInChinese } from './diagnosis.js';

/** @typedef {import('../player/states.js').State} State */
/** @typedef {import('../player/states.js').Reason} Reason */

/**
 * @typedef {object} Words
 * @property {string} lang BCP 47
 * @property {Record<import('../player/states.js').StateName, string>} states
 * @property {Record<Reason, string>} reasons
 * @property {Record<import('../player/localnetwork.js').Bar, string>} bars what the browser does not let the page do
 * @property {(text: string) => string} sources what the server says of its camera
 * @property {string} soundOnly in place of "playing" where there is no picture
 * @property {string} waitingHint
 * @property {string} away in place of "waiting" where the stream is known
 * @property {string} unknownHint
 * @property {string} tokenMissing
 * @property {string} tokenForbidden
 * @property {string} tooOften
 * @property {string} reconnectingNow
 * @property {(seconds: number) => string} reconnectingIn
 * @property {(seconds: number) => string} tryingIn
 * @property {string} video the label of the whole player
 * @property {string} play
 * @property {string} mute
 * @property {string} unmute
 * @property {string} fullscreen
 * @property {string} leaveFullscreen
 * @property {string} retry
 * @property {string} live
 */

/** @type {Words} */
const en = {
  lang: 'en',
  states: {
    idle: 'Ready to play',
    connecting: 'Connecting…',
    waiting: 'Waiting for the stream to start',
    playing: 'Playing',
    stalled: 'Waiting for the picture',
    reconnecting: 'Reconnecting…',
    unauthorized: 'The token is wrong',
    unknown: 'There is no stream with this name',
    full: 'This stream is full',
    refused: 'The server refused the connection',
  },
  reasons: {
    unreachable: 'The server cannot be reached.',
    server: 'The server has a problem.',
    path: 'The server answers, but no media gets through. A firewall may block it.',
    lost: 'The connection was lost.',
    frozen: 'The video froze.',
    unusable: 'This browser could not use the answer.',
    network: 'The network changed. Finding another path.',
    behind: 'The picture was late.',
    asked: 'The server asked for a new connection.',
    relay: 'Only a relay is allowed, and the server offers none (TURN).',
    away: 'The picture comes back by itself.',
    narrow: 'Your connection is too slow for the picture. It goes on as soon as it can.',
  },
  bars: {
    prompt: 'The browser asks whether this page may reach your local network. Allow it: the server is there.',
    denied: 'The browser does not let this page reach your local network. If the server is there, allow it in the site’s settings, left of the address.',
    frame: 'This page is in a frame that may not reach your local network. If the server is there, the frame needs allow="local-network-access".',
    insecure: 'The server is in your local network, which browsers let only pages with HTTPS reach. Open this page by https://.',
  },
  sources: (text) => `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, '')}.`,
  soundOnly: 'Sound only',
  waitingHint: 'The picture appears here by itself.',
  away: 'The publisher is away',
  unknownHint: 'If somebody publishes it, the picture appears here by itself.',
  tokenMissing: 'This stream needs a token',
  tokenForbidden: 'This token does not open this stream',
  tooOften: 'The server asks for a pause',
  reconnectingNow: 'Reconnecting…',
  reconnectingIn: (seconds) => `Reconnecting in ${seconds} s`,
  tryingIn: (seconds) => `Next attempt in ${seconds} s`,
  video: 'Live video',
  play: 'Play',
  mute: 'Mute',
  unmute: 'Unmute',
  fullscreen: 'Full screen',
  leaveFullscreen: 'Leave full screen',
  retry: 'Try now',
  live: 'Live',
};

/** @type {Words} */
const zh = {
  lang: 'zh',
  states: {
    idle: '可以播放',
    connecting: '正在连接…',
    waiting: '等待直播开始',
    playing: '正在播放',
    stalled: '等待画面',
    reconnecting: '正在重新连接…',
    unauthorized: '令牌不正确',
    unknown: '没有这个名称的直播',
    full: '此直播已满',
    refused: '服务器拒绝了连接',
  },
  reasons: {
    unreachable: '无法连接到服务器。',
    server: '服务器出现问题。',
    path: '服务器有回应，但媒体数据无法到达，可能被防火墙阻止。',
    lost: '连接已中断。',
    frozen: '画面卡住了。',
    unusable: '此浏览器无法使用服务器的应答。',
    network: '网络已变化，正在寻找其他路径。',
    behind: '画面延迟过大。',
    asked: '服务器要求重新连接。',
    relay: '只允许通过中继连接，但服务器没有提供中继（TURN）。',
    away: '画面会自动恢复。',
    narrow: '你的网络太慢，承载不了画面。一有可能画面就会继续。',
  },
  bars: {
    prompt: '浏览器询问是否允许此页面访问你的本地网络，请选择允许：服务器就在那里。',
    denied: '浏览器不允许此页面访问你的本地网络。如果服务器在本地网络中，请在地址栏左侧的网站设置里允许。',
    frame: '此页面所在的框架不能访问你的本地网络。如果服务器在本地网络中，框架需要 allow="local-network-access"。',
    insecure: '服务器在你的本地网络中，浏览器只允许 HTTPS 页面访问。请用 https:// 打开此页面。',
  },
  sources: (text) => `${sourceInChinese(text).replace(/\.$/, '')}。`,
  soundOnly: '只有声音',
  waitingHint: '画面会自动出现在这里。',
  away: '推流者暂时离开',
  unknownHint: '如果有人发布这个直播，画面会自动出现在这里。',
  tokenMissing: '观看此直播需要令牌',
  tokenForbidden: '此令牌不能观看这个直播',
  tooOften: '服务器要求稍候',
  reconnectingNow: '正在重新连接…',
  reconnectingIn: (seconds) => `${seconds} 秒后重新连接`,
  tryingIn: (seconds) => `${seconds} 秒后重试`,
  video: '直播视频',
  play: '播放',
  mute: '静音',
  unmute: '取消静音',
  fullscreen: '全屏',
  leaveFullscreen: '退出全屏',
  retry: '立即重试',
  live: '直播',
};

/**
 * The words of the first language that there are words for, otherwise English.
 * @param {readonly (string | null | undefined)[]} languages BCP 47 tags, best first
 * @returns {Words}
 */
export function words(languages) {
  for (const tag of languages) {
    if (/^zh\b/i.test(tag ?? '')) return zh;
    if (/^en\b/i.test(tag ?? '')) return en;
  }
  return en;
}

/**
 * A state in words: a headline that stays the same while the state does, and beside
 * it the reason, where there is one.
 * @param {Words} words
 * @param {State} state
 * @param {{ hasToken?: boolean, source?: string, listed?: boolean, soundOnly?: boolean, bar?: import('../player/localnetwork.js').Bar }} [context]
 *   whether a token was sent; what the server says of the stream's camera; whether it has a
 *   stream of this name, undefined when it has not said; whether there is no
 *   picture; what the browser keeps the page from
 * @returns {{ headline: string, detail: string }}
 */
export function describe(words, state, { hasToken = false, source = '', listed, soundOnly = false, bar } = {}) {
  if (soundOnly) return { headline: words.soundOnly, detail: '' };
  if (bar) return { headline: headline(words, state, hasToken), detail: words.bars[bar] };
  const reason = state.reason ? words.reasons[state.reason] : '';
  const awaited = state.name === 'waiting' || state.name === 'stalled' || state.name === 'connecting';
  if (state.name === 'waiting' && listed === false) return { headline: words.states.unknown, detail: words.unknownHint };
  if (state.name === 'waiting' && !source && (listed || state.reason === 'away')) {
    return { headline: words.away, detail: words.reasons.away };
  }
  if (awaited && source) return { headline: headline(words, state, hasToken), detail: words.sources(source) };
  return { headline: headline(words, state, hasToken), detail: diagnosed(words, state) || detailOf(state) || reason || hint(words, state) };
}

/**
 * How long until the next attempt, in words; '' when none is waited for.
 * @param {Words} words
 * @param {State} state
 * @param {number} now ms since the epoch
 */
export function countdown(words, state, now) {
  if (state.retryAt === undefined || state.name === 'waiting') return '';
  const seconds = Math.max(1, Math.ceil((state.retryAt - now) / 1000));
  return state.name === 'reconnecting' ? words.reconnectingIn(seconds) : words.tryingIn(seconds);
}

/** @param {Words} words @param {State} state */
function hint(words, { name }) {
  return name === 'waiting' ? words.waitingHint : '';
}

/**
 * What the server found out, where its own English sentence is not understood.
 * @param {Words} words
 * @param {State} state
 */
function diagnosed(words, { code }) {
  return words.lang === 'zh' && code ? (inChinese[code] ?? '') : '';
}

/** @param {Words} words @param {State} state @param {boolean} hasToken */
function headline(words, state, hasToken) {
  if (state.status === 403 && state.name === 'unauthorized') return words.tokenForbidden;
  if (state.status === 429) return words.tooOften;
  if (state.name === 'unauthorized' && !hasToken) return words.tokenMissing;
  return words.states[state.name];
}

/**
 * The server's words are shown where they add something: that nobody publishes and
 * that a token is wrong is said by the headline already.
 * @param {State} state
 */
function detailOf({ name, detail }) {
  return name === 'waiting' || name === 'unauthorized' || name === 'unknown' ? '' : (detail ?? '');
}
