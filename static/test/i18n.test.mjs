// Every text exists in every language, says the same in both, and is there for every
// mark in the HTML.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import { choose, translator } from '../lib/i18n.js';

const texts = new URL('../text/', import.meta.url);
const pages = new URL('../pages/', import.meta.url);

/** The catalogues: whatever a file of words exports that has English in it. */
const catalogues = new Map();
for (const name of readdirSync(texts)) {
  for (const value of Object.values(await import(new URL(name, texts).href))) {
    if (typeof value === 'object' && value.en) catalogues.set(name, value);
  }
}

const placeholders = (text) => (typeof text === 'string' ? [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort() : undefined);

test('each catalogue has the same keys and placeholders in both languages', () => {
  assert.ok(catalogues.size >= 2);
  for (const [name, { en, zh }] of catalogues) {
    assert.deepEqual(Object.keys(zh).sort(), Object.keys(en).sort(), name);
    for (const key of Object.keys(en)) {
      if (typeof en[key] !== 'string' || typeof zh[key] !== 'string') continue;
      assert.deepEqual(placeholders(zh[key]), placeholders(en[key]), `${name} ${key}`);
      assert.notEqual(zh[key].trim(), '', `${name} ${key}`);
    }
  }
});

test('every marked text of a page is in its catalogue, and in English what the HTML says', () => {
  let marks = 0;
  for (const page of readdirSync(pages).filter((name) => name.endsWith('.html'))) {
    const html = readFileSync(new URL(page, pages), 'utf8');
    const catalogue = catalogues.get(page.replace('.html', '.js').replace('embed', 'watch'))?.en; // embed asks for a token as watch does
    for (const [, key] of html.matchAll(/data-text(?:-\w+)?="(\w+)"/g)) {
      marks += 1;
      assert.ok(catalogue?.[key] !== undefined, `${page}: ${key}`);
    }
    for (const [, key, says] of html.matchAll(/data-text="(\w+)"[^>]*>([^<]*)</g)) {
      assert.equal(says, catalogue[key], `${page}: ${key}`);
    }
  }
  assert.ok(marks > 5);
});

test('values stand in the texts, and functions say plurals', () => {
  const catalogue = {
    en: { left: '{n} of {all} left, {n}', people: ({ n }) => (n === 1 ? 'one' : `${n} people`) },
    zh: { left: '还剩 {n} / {all}', people: '{n} 人' },
  };
  const en = translator(catalogue, 'en');
  assert.equal(en('left', { n: 1, all: 3 }), '1 of 3 left, 1');
  assert.equal(en('left', { n: 1 }), '1 of {all} left, 1');
  assert.equal(en('people', { n: 1 }), 'one');
  assert.equal(en('people', { n: 2 }), '2 people');
  assert.equal(translator(catalogue, 'zh')('people', { n: 2 }), '2 人');
});

test('the language is the first one that there are words for', () => {
  assert.equal(choose([null, 'de-DE', 'zh-Hans-CN', 'en']), 'zh');
  assert.equal(choose(['en-GB', 'zh']), 'en');
  assert.equal(choose(['fr', undefined]), 'en');
});
