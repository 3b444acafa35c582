// @ts-check
// The words of the wall, in English and Chinese.

import { common } from './common.js';
import { translator } from '../lib/i18n.js';

export const wallTexts = {
  en: {
    ...common.en,
    pageTitle: 'Wall · Porthole',
    heading: 'Wall',
    asking: 'Asking the server…',
    offline: 'The server cannot be reached. This page tries again by itself.',
    summary: '{n} live',
    more: '{n} live, {more} of them not shown',
    nothing: 'Nothing is live. A stream shows up here by itself.',
    away: 'Not live',
    enlarge: 'Enlarge {name}',
    shrink: 'Back to the wall',
    tokenNeeded: 'This server asks for a token',
    tokenWrong: 'That token is not the right one.',
    tokenAbout: 'Whoever runs it can tell you the token. It is kept in this tab only.',
    token: 'View token',
    watch: 'Watch',
    otherLanguage: '中文',
  },
  zh: {
    ...common.zh,
    pageTitle: '画面墙 · Porthole',
    heading: '画面墙',
    asking: '正在询问服务器…',
    offline: '无法连接到服务器，此页面会自动重试。',
    summary: '{n} 个正在直播',
    more: '{n} 个正在直播，其中 {more} 个未显示',
    nothing: '目前没有直播。有直播时会自动出现在这里。',
    away: '未在直播',
    enlarge: '放大 {name}',
    shrink: '返回画面墙',
    tokenNeeded: '此服务器需要令牌',
    tokenWrong: '令牌不正确。',
    tokenAbout: '令牌请向服务器的管理者索取。它只保存在此标签页中。',
    token: '观看令牌',
    watch: '观看',
    otherLanguage: 'English',
  },
};

export const t = translator(wallTexts);
