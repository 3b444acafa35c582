// What keeps a page from a server in its viewer's own network, without a browser.
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { barTo, LocalNetwork, spaceOf } from '../player/localnetwork.js';
import { describe, words } from '../text/states.js';

test('a host is where its address is', () => {
  const hosts = {
    loopback: ['localhost', 'cam.localhost', '127.0.0.1', '127.1.2.3', '[::1]'],
    local: ['10.1.2.3', '192.168.0.7', '172.16.0.1', '172.31.9.9', '169.254.1.1', '100.64.0.1', '[fd00::1]', '[fe80::1]', 'cam.local'],
    public: ['cam.example.org', '10.example.org', '192.0.2.1', '172.32.0.1', '100.128.0.1', '[2001:db8::1]', 'fd00.example', 'local'],
  };
  for (const [space, names] of Object.entries(hosts)) {
    for (const name of names) assert.equal(spaceOf(name), space, name);
  }
});

/** A browser that knows the permissions of states. */
const browser = (states) => ({
  query: async ({ name }) => {
    if (!(name in states)) throw new TypeError(`${name} is no permission`);
    return { state: states[name] };
  },
});
const page = { host: 'cms.example', secure: true, allows: () => true };

test('the permission tells what is in the way', async () => {
  const now = browser({ 'local-network': 'denied', 'loopback-network': 'prompt', 'local-network-access': 'granted' });
  const cases = [
    ['https://192.168.0.7/whep/a', { ...page, permissions: now }, 'denied'],
    ['http://127.0.0.1:8080/whep/a', { ...page, permissions: now }, 'prompt'],
    ['https://cam.example/whep/a', { ...page, permissions: now }, 'denied'], // its address may be private
    ['https://cam.example/whep/a', { ...page, permissions: browser({ 'local-network': 'prompt' }) }, undefined],
    ['https://192.168.0.7/whep/a', { ...page, permissions: browser({ 'local-network': 'granted' }) }, undefined],
    ['https://192.168.0.7/whep/a', { ...page, permissions: browser({ 'local-network-access': 'denied' }) }, 'denied'], // Chrome 142 to 144
    ['https://192.168.0.7/whep/a', { ...page, permissions: browser({}) }, undefined], // a browser without it
    ['https://192.168.0.7/whep/a', { ...page, permissions: undefined }, undefined],
    ['https://192.168.0.7/whep/a', { ...page, permissions: now, allows: () => false }, 'frame'],
    ['http://192.168.0.7/whep/a', { ...page, secure: false, permissions: undefined }, 'insecure'],
    ['https://192.168.0.7/whep/a', { ...page, host: '192.168.0.7', permissions: now }, undefined],
    ['https://192.168.0.7/whep/a', { ...page, host: '10.0.0.1', permissions: now }, undefined],
    ['http://localhost/whep/a', { ...page, host: '10.0.0.1', permissions: now }, 'prompt'],
    ['http://192.168.0.7/whep/a', { ...page, host: 'localhost', permissions: now }, undefined],
  ];
  for (const [endpoint, where, want] of cases) assert.equal(await barTo(endpoint, where), want, `${endpoint} from ${where.host}`);
});

test('it is looked for while there is no connection', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  let answer = 'prompt';
  let told = 0;
  const watch = new LocalNetwork(() => { told += 1; }, async () => answer);
  const pass = async (ms) => {
    mock.timers.tick(ms);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const endpoint = 'https://192.168.0.7/whep/a';
  watch.observe({ name: 'connecting' }, endpoint);
  await pass(1000);
  assert.equal(watch.bar, undefined);
  await pass(1000);
  assert.equal(watch.bar, 'prompt');
  answer = 'denied';
  watch.observe({ name: 'reconnecting', reason: 'unreachable' }, endpoint);
  await pass(0);
  assert.equal(watch.bar, 'denied');
  assert.equal(told, 2);
  watch.observe({ name: 'reconnecting', reason: 'server' }, endpoint); // it answered
  await pass(5000);
  assert.equal(watch.bar, undefined);
  assert.equal(told, 2);
  mock.timers.reset();
});

test('each bar has its words in both languages', () => {
  for (const bar of ['prompt', 'denied', 'frame', 'insecure']) {
    const state = { name: 'reconnecting', reason: 'unreachable' };
    const [en, zh] = ['en', 'zh'].map((language) => describe(words([language]), state, { bar }));
    assert.match(en.detail, /local network/);
    assert.match(zh.detail, /本地网络/);
  }
});
