// @ts-check
// Words that several pages share, in English and Chinese.

import { translator } from '../lib/i18n.js';

export const common = {
  en: {
    watching: '{n} watching',
    sizes: '{n} sizes',
    moments: 'less than a minute',
    minutes: '{m} min',
    hours: '{h} h',
    hoursMinutes: '{h} h {m} min',
    days: '{d} d',
    daysHours: '{d} d {h} h',
    copied: 'Copied',
    pressCopy: 'Press Ctrl+C',
    allStreams: 'All streams',
    tokenKept: 'It is kept in this tab only.',
  },
  zh: {
    watching: '{n} 人观看',
    sizes: '{n} 种尺寸',
    moments: '不到一分钟',
    minutes: '{m} 分钟',
    hours: '{h} 小时',
    hoursMinutes: '{h} 小时 {m} 分钟',
    days: '{d} 天',
    daysHours: '{d} 天 {h} 小时',
    copied: '已复制',
    pressCopy: '请按 Ctrl+C',
    allStreams: '全部直播',
    tokenKept: '它只保存在此标签页中。',
  },
};

export const say = translator(common);
