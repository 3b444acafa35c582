// A session that a page begins before its player is there.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { begin, takeBegun } from '../player/begun.js';
import { exchange } from '../lib/signaling.js';

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A connection that has gathered at once. */
class Connection extends EventTarget {
  static made = [];
  iceGatheringState = 'complete';
  closed = 0;
  constructor(configuration) {
    super();
    this.configuration = configuration;
    Connection.made.push(this);
  }
  addTransceiver() { return {}; }
  async createOffer() { return { type: 'offer', sdp: 'v=0\r\n' }; }
  async setLocalDescription(description) { this.localDescription = description; }
  close() { this.closed += 1; }
}

const asked = { endpoint: 'https://cam.example/whep/x', token: 'T', policy: 'all' };

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout'] });
  Connection.made = [];
  globalThis.RTCPeerConnection = Connection;
});

afterEach(() => {
  takeBegun({ ...asked, endpoint: 'https://nowhere.example/' });
  mock.restoreAll();
  mock.timers.reset();
});

test('the offer goes out, and the player takes the session over once', async () => {
  const fetch = mock.method(globalThis, 'fetch', async () => new Response('answer', { status: 201 }));
  begin(asked);
  await settle();
  assert.equal(fetch.mock.callCount(), 1);
  const [url, { method, headers, body }] = fetch.mock.calls[0].arguments;
  assert.deepEqual([url, method, headers.Authorization, body], [asked.endpoint, 'POST', 'Bearer T', 'v=0\r\n']);
  const begun = takeBegun(asked);
  assert.equal(begun.connection, Connection.made[0]);
  assert.equal(takeBegun(asked), undefined);
  const { body: answer } = await exchange(asked.endpoint, { method: 'POST', expect: 201, signal: new AbortController().signal, begun });
  assert.equal(answer, 'answer');
  assert.equal(fetch.mock.callCount(), 1, 'nothing is sent again');
  mock.timers.tick(60_000);
  assert.equal(begun.connection.closed, 0, 'it is the player’s now');
});

test('what was begun for something else, or is not taken, is given up', async () => {
  const signals = [];
  mock.method(globalThis, 'fetch', (_url, { signal }) => {
    signals.push(signal);
    return new Promise(() => {});
  });
  for (const other of [{ ...asked, token: '' }, { ...asked, endpoint: 'https://cam.example/whep/y' }, { ...asked, policy: 'relay' }]) {
    begin(asked);
    await settle();
    assert.equal(takeBegun(other), undefined);
    assert.deepEqual([Connection.made.at(-1).closed, signals.at(-1).aborted], [1, true]);
  }
  begin(asked);
  await settle();
  mock.timers.tick(60_000);
  assert.deepEqual([Connection.made.at(-1).closed, signals.at(-1).aborted], [1, true]);
  assert.equal(takeBegun(asked), undefined);
});

test('a player that goes away ends what was begun', async () => {
  let signal;
  mock.method(globalThis, 'fetch', (_url, options) => {
    ({ signal } = options);
    return new Promise(() => {});
  });
  begin(asked);
  await settle();
  const leaving = new AbortController();
  const answer = exchange(asked.endpoint, { method: 'POST', expect: 201, signal: leaving.signal, begun: takeBegun(asked) });
  leaving.abort(new Error('gone'));
  await assert.rejects(answer, /gone/);
  assert.equal(signal.aborted, true);
});
