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
    otherLanguage: '中文',
    liveNow: 'Live now',
    thisComputer: 'This link works on this computer only: the server listens on loopback. To let others watch, start it with --http :8080.',
    lanLink: 'Link for other devices in your network',
    includeToken: 'Include the view token: whoever has the link can watch',
    close: 'Close',
    copy: 'Copy',
    link: 'Link',
    frame: 'Embed in a page',
    whepUrl: 'WHEP URL for other players',
    qrLabel: 'QR code of the link',
    qrAbout: 'Point a phone’s camera here to watch on it.',
    shareSecret: 'Viewers need the token too.',
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
    otherLanguage: 'English',
    liveNow: '正在直播',
    thisComputer: '此链接只能在这台电脑上使用：服务器只监听本机。要让其他人观看，请用 --http :8080 启动服务器。',
    lanLink: '供同一网络中其他设备使用的链接',
    includeToken: '包含观看令牌：任何拿到链接的人都能观看',
    close: '关闭',
    copy: '复制',
    link: '链接',
    frame: '嵌入网页',
    whepUrl: '其他播放器使用的 WHEP 地址',
    qrLabel: '链接的二维码',
    qrAbout: '用手机相机扫描即可观看。',
    shareSecret: '观看者还需要令牌。',
    send: '发送链接…',
  },
};

export const t = translator(watchTexts);
