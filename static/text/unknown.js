// @ts-check
// The words of the page for a name that no stream can have, in English and Chinese.

import { translator } from '../lib/i18n.js';

export const unknownTexts = {
  en: {
    title: 'No such stream · Porthole',
    heading: 'No stream can have this name',
    rule: 'Names are up to 64 letters, digits, dots, dashes and underscores, without slashes.',
    home: 'See the live streams',
    noPageTitle: 'No such page · Porthole',
    noPage: 'There is no such page',
    noPageAbout: 'Streams are at /watch/NAME; to publish one, go to /publish/NAME.',
    otherLanguage: '中文',
  },
  zh: {
    title: '没有这个直播 · Porthole',
    heading: '直播不能使用这个名称',
    rule: '名称最多 64 个字符：字母、数字、点、短横线和下划线，不能有斜杠。',
    home: '查看正在进行的直播',
    noPageTitle: '没有这个页面 · Porthole',
    noPage: '没有这个页面',
    noPageAbout: '直播的地址是 /watch/名称，发布的地址是 /publish/名称。',
    otherLanguage: 'English',
  },
};

export const t = translator(unknownTexts);
