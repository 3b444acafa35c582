// @ts-check
// What of a stream hurts viewers, in words, by the server's code. In English it is the
// server's own sentence. Pure.

import { language } from '../lib/i18n.js';

/**
 * What the server says of a stream: what viewers notice, and what to change.
 * @typedef {object} Warning
 * @property {string} code
 * @property {string} [rid] which layer, with simulcast
 * @property {number} [interval] seconds between two keyframes
 * @property {string} [profile] of H.264
 * @property {string} sentence
 * @property {string} obs
 * @property {string} ffmpeg
 * @property {string} [camera] in the place of both, where a camera of the server has encoded it
 *
 * @typedef {{ title: string, sentence: string, obs: string, ffmpeg: string, camera?: string }} Words
 */

/** @type {Record<string, string>} */
export const titles = {
  no_keyframes: 'No keyframes',
  keyframe_interval: 'Keyframes too far apart',
  b_frames: 'B-frames',
  profile: 'H.264 {profile} profile',
  no_parameter_sets: 'No parameter sets',
};

/** @type {Record<string, Words>} */
export const warningsInChinese = {
  no_keyframes: {
    title: '没有关键帧',
    sentence: '新观众看不到画面：推流端不发送关键帧，被请求时也不发送。',
    obs: '输出 → 关键帧间隔：2 秒；从 x264 选项中去掉 intra-refresh',
    ffmpeg: '每秒 30 帧时用 -g 60，并去掉 -intra-refresh',
  },
  keyframe_interval: {
    title: '关键帧间隔过长',
    sentence: '丢失一个数据包就可能使画面停顿数秒：关键帧间隔{interval}，被请求时也不发送。',
    obs: '输出 → 关键帧间隔：2 秒（0 为自动，最长 250 帧）',
    ffmpeg: '每秒 30 帧时用 -g 60，即每 2 秒一个',
  },
  b_frames: {
    title: 'B 帧',
    sentence: '画面来回跳动：直播含有 B 帧，浏览器会以错误的顺序显示。',
    obs: '输出 → 最大 B 帧：0，或关闭“使用 B 帧”；使用 x264 时，微调选 zerolatency',
    ffmpeg: '-bf 0；使用 libx264 时再加 -tune zerolatency',
  },
  profile: {
    title: 'H.264 {profile} 配置',
    sentence: '部分浏览器拒绝播放：此直播为 H.264 {profile}，而 Firefox 等浏览器只播放 Constrained Baseline。',
    obs: '输出 → 配置：baseline',
    ffmpeg: '-profile:v baseline -pix_fmt yuv420p',
  },
  no_parameter_sets: {
    title: '没有参数集',
    sentence: '所有观众都无法解码画面：数据流和 offer 中都没有参数集（SPS、PPS）。',
    obs: 'x264 选项：repeat-headers=1；其他编码器会自动发送',
    ffmpeg: '-bsf:v dump_extra，也可与 -c:v copy 一起使用',
  },
};

const cameraInChinese = '在其 --source 中加上 codec=raw：改由服务器编码';

/**
 * @param {Warning} warning
 * @param {import('../lib/i18n.js').Language} [to]
 * @returns {Words}
 */
export function wordsOn(warning, to = language) {
  const { code, rid, interval, profile = '', sentence, obs, ffmpeg, camera } = warning;
  const chinese = to === 'zh' ? warningsInChinese[code] : undefined;
  const words = { ...(chinese ?? { title: titles[code] ?? code, sentence, obs, ffmpeg }), ...(camera && { camera: chinese ? cameraInChinese : camera }) };
  const fill = (/** @type {string} */ text) => text
    .replace('{profile}', profile)
    .replace('{interval}', interval ? ` ${interval} 秒` : '超过 4 秒');
  const title = fill(words.title);
  return { ...words, title: rid ? `${title} · ${rid}` : title, sentence: fill(words.sentence) };
}
