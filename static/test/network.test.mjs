// What the server says of the path, in words.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { translator } from '../lib/i18n.js';
import { automaticChoice, estimate, limits, readNetwork, shareOfPictures, tooNarrow } from '../player/network.js';
import { playerTexts } from '../text/player.js';

const say = translator(playerTexts, 'en');
const narrow = readNetwork({ state: 'congested', limitedBy: 'queue', estimate: 400_000, needs: 512_000, fits: false, height: 180, temporal: 0, temporalLayers: 3 });

test('what is no description of a network is none', () => {
  for (const data of [undefined, null, 'x', 7, {}, { fits: 'yes' }]) assert.equal(readNetwork(data), undefined);
});

test('a network that carries everything says nothing', () => {
  const good = readNetwork({ state: 'steady', fits: true, height: 720, temporal: 2, temporalLayers: 3, needs: 1_000_000 });
  assert.equal(limits(good), false);
  assert.equal(limits(undefined), false);
  assert.equal(tooNarrow(good, say), '');
  assert.equal(automaticChoice(good, say), '');
  assert.equal(shareOfPictures(good, say), '');
  assert.deepEqual(estimate(good, say), { value: 'enough', note: '' });
  assert.deepEqual(estimate(undefined, say), { value: '–', note: '' });
});

test('a network that is too narrow is told with both numbers', () => {
  assert.equal(limits(narrow), true);
  assert.equal(tooNarrow(narrow, say), 'Your connection carries 0.4 Mbit/s; the lowest picture needs 0.5.');
  assert.equal(tooNarrow({ ...narrow, estimate: 480_000 }, say), 'Your connection carries 0.48 Mbit/s; the lowest picture needs 0.51.');
  assert.equal(tooNarrow({ ...narrow, estimate: undefined }, say), '');
  assert.equal(shareOfPictures(narrow, say), 'one picture in 4');
});

test('a lower quality is told with what decided it', () => {
  const lower = readNetwork({ state: 'steady', limitedBy: 'probing', estimate: 900_000, fits: true, height: 360 });
  assert.equal(automaticChoice(lower, say), 'Automatic: 360p, your connection carries 900 kbit/s');
  assert.deepEqual(estimate(lower, say), { value: '900 kbit/s', note: 'trying whether it carries more' });
});
