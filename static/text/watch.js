// @ts-check
// The words of the watch page, in English and Chinese.

import { common } from './common.js';
import { translator } from '../lib/i18n.js';

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
    share: 'Share',
    close: 'Close',
    copy: 'Copy',
    link: 'Link',
    frame: 'Embed in a page',
    whepUrl: 'WHEP URL for other players',
    qrLabel: 'QR code of the link',
    qrAbout: 'Point a phone’s camera here to watch on it.',
    shareSecret: 'Viewers need the token too. It is not part of what you share here.',
    send: 'Send the link…',
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
    share: '分享',
    close: '关闭',
    copy: '复制',
    link: '链接',
    frame: '嵌入网页',
    whepUrl: '其他播放器使用的 WHEP 地址',
    qrLabel: '链接的二维码',
    qrAbout: '用手机相机扫描即可观看。',
    shareSecret: '观看者还需要令牌。这里分享的内容不包含令牌。',
    send: '发送链接…',
  },
};

export const t = translator(watchTexts);
