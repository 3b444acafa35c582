// What controls of cameras are called on the home page.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { controlName } from '../text/camera.js';

test('every control that many cameras have has a name in both languages', () => {
  const code = readFileSync(new URL('../../capture/source/controls.go', import.meta.url), 'utf8');
  const [, list] = code.match(/func ControlNames\(\) \[\]string \{\s*return \[\]string\{([^}]+)\}/);
  const names = [...list.matchAll(/"([\w-]+)"/g)].map(([, name]) => name);
  assert.ok(names.length > 20);
  for (const name of names) {
    assert.notEqual(controlName({ name, title: '' }, 'en'), '', name);
    assert.match(controlName({ name, title: '' }, 'zh'), /\p{Script=Han}/u, name);
  }
});

test('others are called what their drivers call them', () => {
  assert.equal(controlName({ name: 'led1-mode', title: 'LED1 Mode' }, 'zh'), 'LED1 Mode');
  assert.equal(controlName({ name: 'constructor', title: 'Odd' }, 'en'), 'Odd');
});
