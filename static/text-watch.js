// @ts-check
// The words of the watch page, in English and Chinese.

import { common } from './text-common.js';
import { translator } from './i18n.js';

export const watchTexts = {
  en: {
    ...common.en,
    heading: 'Live stream {name}',
    tokenNeeded: 'This stream needs a token',
    tokenWrong: 'That token does not open this stream',
    tokenAbout: 'Whoever shared the stream can tell you the token. It is kept in this tab only.',
    token: 'View token',
    watch: 'Watch',
    noScript: 'Watching needs JavaScript.',
  },
  zh: {
    ...common.zh,
    heading: '直播 {name}',
    tokenNeeded: '观看此直播需要令牌',
    tokenWrong: '此令牌不能观看这个直播',
    tokenAbout: '令牌请向分享此直播的人索取。它只保存在此标签页中。',
    token: '观看令牌',
    watch: '观看',
    noScript: '观看需要启用 JavaScript。',
  },
};

export const t = translator(watchTexts);
