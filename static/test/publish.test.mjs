// The publish page's words and its meter, without a browser.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { homeTexts } from '../text/home.js';
import { publishTexts } from '../text/publish.js';
import { levelOf } from '../pages/meter.js';
import { titles, warningsInChinese, wordsOn } from '../text/warnings.js';
import { connectionTrouble, lostTrouble, refusalTrouble, troubleOf } from '../pages/trouble.js';

const camera = { source: 'camera', camera: '', microphone: '', width: 1280, height: 720 };
const screen = { ...camera, source: 'screen' };
const both = { picture: true, sound: true };

test('each way in which a device can fail has words and a cure', () => {
  const cases = [
    ['NotAllowedError', camera, both, /not allowed to use the camera/],
    ['NotAllowedError', screen, { picture: true, sound: false }, /screen was not shared/],
    ['NotFoundError', camera, both, /No camera or no microphone/],
    ['NotFoundError', { ...camera, microphone: 'none' }, both, /^No camera was found/],
    ['NotFoundError', camera, { picture: false, sound: true }, /^No microphone/],
    ['NotReadableError', camera, both, /could not be started/],
    ['OverconstrainedError', camera, both, /no longer there/],
  ];
  for (const [name, wish, need, words] of cases) {
    let again = 0;
    const trouble = troubleOf(new DOMException('x', name), wish, need, () => { again += 1; });
    assert.match(trouble.what, words, name);
    assert.ok(trouble.cures.length > 0, name);
    trouble.cures.find(({ act }) => act)?.act();
    assert.equal(again, name === 'OverconstrainedError' ? 0 : 1, `${name}: tried again by a button`);
  }
});

test('a lost device offers those that are there', () => {
  const used = [];
  const trouble = lostTrouble('camera', [{ label: 'Second', use: () => used.push('Second') }]);
  assert.match(trouble.what, /camera is gone/);
  assert.equal(trouble.cures.at(-1).text, 'Use Second');
  trouble.cures.at(-1).act();
  assert.deepEqual(used, ['Second']);
});

test('a refusal says what to do', () => {
  assert.match(refusalTrouble({ name: 'stopped', status: 401 }, true).what, /token is wrong/);
  assert.match(refusalTrouble({ name: 'stopped', status: 401 }, false).what, /asks for a publish token/);
  assert.match(refusalTrouble({ name: 'stopped', status: 403 }, true).what, /may watch, but not publish/);
  assert.match(refusalTrouble({ name: 'stopped', status: 403, detail: 'start it with --allow-origin x' }, true).cures[0].text, /--allow-origin x/);
  assert.equal(refusalTrouble({ name: 'stopped', status: 422, detail: 'no common codec' }, true).cures[0].text, 'no common codec');
  assert.match(refusalTrouble({ name: 'stopped', status: 418 }, true).cures[0].text, /418/);
});

test('a connection that fails is explained by the server where it can', () => {
  assert.equal(connectionTrouble({ name: 'reconnecting' }), undefined);
  assert.deepEqual(connectionTrouble({ name: 'reconnecting', reason: 'lost' }), { what: 'The connection was lost.', cures: [] });
  assert.equal(connectionTrouble({ name: 'reconnecting', reason: 'path', detail: 'UDP is blocked.', code: 'udp_blocked' }).cures[0].text, 'UDP is blocked.');
});

test('both languages have the same texts, with the same values in them', () => {
  for (const catalogue of [homeTexts, publishTexts]) {
    assert.deepEqual(Object.keys(catalogue.zh).sort(), Object.keys(catalogue.en).sort());
    for (const [key, text] of Object.entries(catalogue.en)) {
      if (typeof text !== 'string' || typeof catalogue.zh[key] !== 'string') continue;
      const values = (words) => [...words.matchAll(/\{\w+\}/g)].map(([value]) => value).sort();
      assert.deepEqual(values(catalogue.zh[key]), values(text), key);
    }
  }
});

test('every text that a page marks is in its catalogue, and the page says the same without it', () => {
  for (const [page, catalogue] of [['home', homeTexts], ['publish', publishTexts]]) {
    const html = readFileSync(new URL(`../pages/${page}.html`, import.meta.url), 'utf8');
    const marked = [...html.matchAll(/data-text(?:-\w+)?="(\w+)"/g)].map(([, key]) => key);
    assert.ok(marked.length > 10, page);
    for (const key of marked) assert.ok(key in catalogue.en, `${page}.html: ${key}`);
    for (const [, key, text] of html.matchAll(/data-text="(\w+)"[^>]*>([^<]+)</g)) assert.equal(text, catalogue.en[key], `${page}.html: ${key}`);
  }
});

test('the meter is silent, full and in between', () => {
  const tone = (amplitude) => Float32Array.from({ length: 1024 }, (_, i) => amplitude * Math.sin(i / 3));
  assert.equal(levelOf(tone(0)), 0);
  assert.equal(levelOf(tone(1)), 1);
  const middle = levelOf(tone(0.03));
  assert.ok(middle > 0.3 && middle < 0.7, `${middle}`);
});

test('every warning of the server has a title, and words in Chinese', () => {
  const code = readFileSync(new URL('../../internal/broadcast/warning.go', import.meta.url), 'utf8');
  const [, list] = code.match(/\[warningCodes\]string\{([^}]+)\}/);
  const codes = [...list.matchAll(/"(\w+)"/g)].map(([, name]) => name);
  assert.ok(codes.length >= 5);
  assert.deepEqual(Object.keys(titles), codes);
  assert.deepEqual(Object.keys(warningsInChinese), codes);
});

test('a warning is in the language of the page, with its values and its layer', () => {
  const warning = { code: 'profile', profile: 'High', rid: 'h', sentence: 'Some browsers refuse it.', obs: 'Profile: baseline', ffmpeg: '-profile:v baseline' };
  assert.deepEqual(wordsOn(warning, 'en'), { title: 'H.264 High profile · h', sentence: 'Some browsers refuse it.', obs: 'Profile: baseline', ffmpeg: '-profile:v baseline' });
  assert.match(wordsOn(warning, 'zh').sentence, /H\.264 High，/);
  assert.match(wordsOn({ ...warning, code: 'keyframe_interval', interval: 8.3 }, 'zh').sentence, /间隔 8\.3 秒/);
  assert.match(wordsOn({ ...warning, code: 'keyframe_interval' }, 'zh').sentence, /间隔超过 4 秒/);
  assert.equal(wordsOn({ ...warning, camera: 'codec=raw' }, 'en').camera, 'codec=raw');
  assert.match(wordsOn({ ...warning, camera: 'codec=raw' }, 'zh').camera, /codec=raw：/);
  assert.equal(wordsOn({ ...warning, code: 'of_the_future', rid: undefined }, 'zh').title, 'of_the_future');
});
