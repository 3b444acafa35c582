// What the publish page asks a browser's encoder for, with browsers that are made up.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { askForTemporalLayers, temporalMode } from '../lib/temporal.js';

const vp8 = { mimeType: 'video/VP8', width: 640, height: 480, frameRate: 30, bitrate: 1e6 };

/** A browser that supports some modes; of them and of none, some in hardware. */
const browser = (supported, efficient = []) => ({
  asked: [],
  async encodingInfo(question) {
    this.asked.push(question);
    const mode = question.video.scalabilityMode ?? 'none';
    return { supported: mode === 'none' || supported.includes(mode), powerEfficient: efficient.includes(mode) };
  },
});

test('the mode with the most layers is asked for', async () => {
  assert.equal(await temporalMode(vp8, browser(['L1T2', 'L1T3'])), 'L1T3');
  assert.equal(await temporalMode(vp8, browser(['L1T2'])), 'L1T2');
  assert.equal(await temporalMode(vp8, browser([])), undefined);
});

test('an encoder in hardware is worth more than layers', async () => {
  assert.equal(await temporalMode(vp8, browser(['L1T2', 'L1T3'], ['none', 'L1T2'])), 'L1T2');
  assert.equal(await temporalMode(vp8, browser(['L1T2', 'L1T3'], ['none'])), undefined);
  assert.equal(await temporalMode(vp8, browser(['L1T3'], ['L1T3'])), 'L1T3');
});

test('the question is about what is sent', async () => {
  const asked = browser(['L1T3']);
  await temporalMode({ ...vp8, mimeType: 'video/H264', sdpFmtpLine: 'packetization-mode=1' }, asked);
  assert.deepEqual(asked.asked[1], {
    type: 'webrtc',
    video: { contentType: 'video/H264;packetization-mode=1', width: 640, height: 480, framerate: 30, bitrate: 1e6, scalabilityMode: 'L1T3' },
  });
});

test('a browser that does not know the question is asked for nothing', async () => {
  assert.equal(await temporalMode(vp8, undefined), undefined);
  assert.equal(await temporalMode(vp8, { encodingInfo: () => { throw new TypeError('webrtc?'); } }), undefined);
  assert.equal(await temporalMode(vp8, { encodingInfo: () => Promise.reject(new TypeError('webrtc?')) }), undefined);
});

/** A sender as browsers have it, which may refuse what it is asked for. */
const senderOf = (encodings, refuses = false) => ({
  track: { getSettings: () => ({ width: 640, height: 480, frameRate: 30 }) },
  getParameters: () => ({ codecs: [{ mimeType: 'video/VP8' }], encodings: structuredClone(encodings) }),
  async setParameters(parameters) {
    if (refuses) throw new DOMException('no', 'InvalidModificationError');
    this.set = parameters;
  },
});

test('each encoding gets the layers', async () => {
  const sender = senderOf([{ rid: 'l', maxBitrate: 1 }, { rid: 'h' }]);
  await askForTemporalLayers(sender, 1e6, browser(['L1T3']));
  assert.deepEqual(sender.set.encodings, [{ rid: 'l', maxBitrate: 1, scalabilityMode: 'L1T3' }, { rid: 'h', scalabilityMode: 'L1T3' }]);
});

test('a sender that refuses, has no encodings yet, no codec or no track, is left alone', async () => {
  await askForTemporalLayers(senderOf([{}], true), 1e6, browser(['L1T3']));
  for (const missing of [{ getParameters: () => ({ codecs: [{ mimeType: 'video/VP8' }], encodings: [] }) }, { getParameters: () => ({}) }, { track: null }]) {
    const sender = { ...senderOf([{}]), ...missing };
    await askForTemporalLayers(sender, 1e6, browser(['L1T3']));
    assert.equal(sender.set, undefined);
  }
});
