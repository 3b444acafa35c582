// What is measured and drawn: clocks, delays, the picture's stamp, lines of the last minute.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CatchUp } from '../player/catchup.js';
import { median } from '../player/delay.js';
import { ceiling, LENGTH, points } from '../lib/graph.js';
import { measureOffset } from '../player/servertime.js';
import { fileName } from '../player/snapshot.js';
import { readStamp, stampArea } from '../player/stamp.js';

/** Draws a stamp as the server does: black 16, white 235, grey behind the 36th block. */
function drawn(width, micros, number) {
  const body = (BigInt(micros) << 12n) | BigInt(number);
  let sum = 0xa5n;
  for (let shift = 0n; shift < 64n; shift += 8n) sum ^= (body >> shift) & 0xffn;
  const bits = ((body << 8n) | sum).toString(2).padStart(72, '0');
  const { block, row, height } = stampArea(width);
  const data = new Uint8ClampedArray(4 * width * height).fill(126);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < 36 * block; x++) {
      const bit = bits[(y < row ? 0 : 36) + Math.floor(x / block)];
      data.fill(bit === '1' ? 235 : 16, 4 * (y * width + x), 4 * (y * width + x) + 3);
    }
  }
  return { width, data };
}

test('the clock in the picture is read to the microsecond, in every size', () => {
  for (const width of [320, 640, 1000, 1280, 1920]) {
    const stamp = readStamp(drawn(width, 1_795_560_111_619_123, 4095));
    assert.deepEqual(stamp, { time: 1_795_560_111_619.123, number: 4095 }, String(width));
  }
});

test('what is no clock is not taken for one', () => {
  const { height } = stampArea(640);
  for (const shade of [0, 126, 255]) {
    assert.equal(readStamp({ width: 640, data: new Uint8ClampedArray(4 * 640 * height).fill(shade) }), undefined);
  }
  const spoilt = drawn(640, 1_795_560_111_619_123, 7);
  for (let y = 0; y < 16; y++) spoilt.data.fill(235, 4 * (y * 640), 4 * (y * 640 + 16));
  assert.equal(readStamp(spoilt), undefined);
  assert.equal(readStamp({ width: 20, data: [] }), undefined);
});

test('the server’s clock is believed from the fastest answer', async () => {
  const trips = [[40, 10], [3, 1], [200, 100]]; // there and back, ms
  let now = 1_000;
  let turn = 0;
  const offset = await measureOffset(async () => {
    const [there, back] = trips[turn++ % trips.length];
    now += there;
    const server = now + 500_000;
    now += back;
    return server;
  }, () => now);
  assert.deepEqual(offset, { offset: 500_001, error: 2 });
});

test('the median of the delays', () => {
  assert.equal(median([]), undefined);
  assert.equal(median([70, 10, 20]), 20);
});

test('a picture that stays late is first jumped to, and then fetched anew', () => {
  const catchUp = new CatchUp();
  const seen = [];
  for (let second = 0; second < 12; second++) seen.push(catchUp.observe(4_000, second * 1000));
  assert.deepEqual(seen, ['', '', '', 'jump', '', '', '', '', 'renew', 'renew', 'renew', 'renew']);
});

test('a picture that is late for a moment, or catches up, is left alone', () => {
  const catchUp = new CatchUp();
  for (let second = 0; second < 20; second++) {
    assert.equal(catchUp.observe(second % 3 === 0 ? 200 : 2_000, second * 1000), '');
  }
  for (let second = 20; second < 24; second++) catchUp.observe(2_000, second * 1000);
  catchUp.observe(100, 24_000);
  assert.equal(catchUp.observe(2_000, 25_000), '', 'the jump helped: it begins anew');
});

test('the last minute as a line, the newest on the right', () => {
  assert.equal(points([5], 10), '');
  assert.equal(points([0, 10], 10), `${LENGTH - 2},98.0 ${LENGTH - 1},2.0`);
  assert.equal(points([10, undefined, 10], 10), `${LENGTH - 3},2.0 ${LENGTH - 1},2.0`);
  assert.ok(points(Array(100).fill(1), 1).startsWith('0,'), 'older values are not drawn');
});

test('the top of a line is a round number', () => {
  assert.deepEqual([0, 0.3, 1, 1.1, 4, 70, 1_600_000].map(ceiling), [1, 0.5, 1, 2, 5, 100, 2_000_000]);
});

test('a saved picture has a name that sorts by time and no slash', () => {
  assert.equal(fileName('web/cam 1', new Date(2026, 0, 2, 3, 4, 5)), 'web-cam-1 2026-01-02 03.04.05.png');
  assert.equal(fileName('', new Date(2026, 10, 12, 13, 14, 15)), 'video 2026-11-12 13.14.15.png');
});
