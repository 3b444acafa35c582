// @ts-check
// What controls of cameras are called. Those that many cameras have get a name in the reader's language, others keep their drivers'.

import { language } from '../lib/i18n.js';

/** @type {Record<string, { en: string, zh: string }>} by their names in the API */
const names = {
  brightness: { en: 'Brightness', zh: '亮度' },
  contrast: { en: 'Contrast', zh: '对比度' },
  saturation: { en: 'Saturation', zh: '饱和度' },
  hue: { en: 'Hue', zh: '色调' },
  gamma: { en: 'Gamma', zh: '伽马' },
  sharpness: { en: 'Sharpness', zh: '锐度' },
  backlight: { en: 'Backlight compensation', zh: '逆光补偿' },
  gain: { en: 'Gain', zh: '增益' },
  'auto-gain': { en: 'Gain, automatic', zh: '自动增益' },
  'white-balance': { en: 'White balance', zh: '白平衡' },
  'auto-white-balance': { en: 'White balance, automatic', zh: '自动白平衡' },
  exposure: { en: 'Exposure', zh: '曝光' },
  'auto-exposure': { en: 'Exposure, automatic', zh: '自动曝光' },
  'exposure-priority': { en: 'Exposure may lower the frame rate', zh: '曝光可降低帧率' },
  'exposure-bias': { en: 'Exposure compensation', zh: '曝光补偿' },
  focus: { en: 'Focus', zh: '对焦' },
  'auto-focus': { en: 'Focus, automatic', zh: '自动对焦' },
  zoom: { en: 'Zoom', zh: '变焦' },
  pan: { en: 'Pan', zh: '水平转动' },
  tilt: { en: 'Tilt', zh: '俯仰' },
  iris: { en: 'Iris', zh: '光圈' },
  iso: { en: 'ISO', zh: 'ISO 感光度' },
  'power-line': { en: 'Power line frequency', zh: '电源频率' },
  hflip: { en: 'Flip horizontally', zh: '水平翻转' },
  'mic-mute': { en: 'Microphone, muted', zh: '麦克风静音' },
  'mic-gain': { en: 'Microphone, gain (dB)', zh: '麦克风增益（dB）' },
  vflip: { en: 'Flip vertically', zh: '垂直翻转' },
};

/**
 * @param {{ name: string, title: string }} control
 * @param {import('../lib/i18n.js').Language} [to]
 */
export function controlName({ name, title }, to = language) {
  return Object.hasOwn(names, name) ? names[name][to] : title;
}
