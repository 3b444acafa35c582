// The publisher's decisions, in virtual time, with sessions that are made up.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { Publisher } from '../pages/publisher.js';
import { RefusedError } from '../lib/signaling.js';

class Session extends EventTarget {
  closed = 0;
  streams = [];
  restarts = 0;
  connected = false;
  resource = 'https://cam.example/whip/x/id';
  constructor(options) {
    super();
    this.options = options;
    this.iceServers = options.iceServers;
  }
  open(signal) {
    this.signal = signal;
    return new Promise((resolve, reject) => {
      this.accept = resolve;
      this.refuse = reject;
    });
  }
  restart() {
    this.restarts += 1;
    return new Promise((resolve, reject) => {
      this.mended = resolve;
      this.unmended = reject;
    });
  }
  /** Changes the path, as the browser tells it. */
  path(type) {
    this.connected = type === 'connected';
    this.dispatchEvent(new Event(type));
  }
  async replace(stream) { this.streams.push(stream); }
  async limit(bitrate) { this.bitrate = bitrate; }
  async report() { return new Map(); }
  close() { this.closed += 1; }
}

let sessions;
let publisher;
const order = { endpoint: 'https://cam.example/whip/x', token: 'T', stream: { id: 1 }, quality: { codec: 'H264', bitrate: 1e6 } };
const settle = () => new Promise((resolve) => setImmediate(resolve));

async function refuse(error) {
  sessions.at(-1).refuse(error);
  await settle();
}

async function goLive() {
  publisher.start(order);
  sessions.at(-1).accept();
  await settle();
  sessions.at(-1).path('connected');
}

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_000_000 });
  sessions = [];
  publisher = new Publisher({
    open: (options) => {
      const session = new Session(options);
      sessions.push(session);
      return session;
    },
    random: () => 0,
  });
});

afterEach(() => {
  publisher.stop();
  mock.timers.reset();
});

test('goes live and stops', async () => {
  await goLive();
  assert.equal(publisher.state.name, 'live');
  publisher.stop();
  assert.equal(publisher.state.name, 'idle');
  assert.equal(publisher.active, false);
  assert.equal(sessions[0].closed, 1);
  mock.timers.tick(60_000);
  assert.equal(sessions.length, 1);
});

test('a refusal that asking again does not change stops it', async () => {
  for (const status of [400, 401, 403, 404, 422]) {
    publisher.start(order);
    await refuse(new RefusedError(status, 'why'));
    assert.deepEqual([publisher.state.name, publisher.state.status, publisher.active], ['stopped', status, false]);
  }
  const asked = sessions.length;
  mock.timers.tick(60_000);
  assert.equal(sessions.length, asked);
});

test('a stream that somebody else publishes is waited for', async () => {
  publisher.start(order);
  await refuse(new RefusedError(409, 'already published'));
  assert.equal(publisher.state.name, 'busy');
  mock.timers.tick(3000);
  assert.equal(sessions.length, 2);
  assert.equal(publisher.state.name, 'busy');
  sessions[1].accept();
  await settle();
  sessions[1].dispatchEvent(new Event('connected'));
  assert.equal(publisher.state.name, 'live');
});

test('a lost connection is made again, with the stream and the bitrate of now', async () => {
  await goLive();
  await publisher.replace({ id: 2 });
  await publisher.limit(5e5);
  assert.deepEqual(sessions[0].streams, [{ id: 2 }]);
  sessions[0].dispatchEvent(new Event('lost'));
  assert.equal(publisher.state.name, 'reconnecting');
  mock.timers.tick(500);
  assert.equal(sessions[1].options.stream.id, 2);
  assert.equal(sessions[1].options.quality.bitrate, 5e5);
  assert.equal(sessions[0].closed, 1);
});

test('the server says why it has ended a session', async () => {
  publisher = new Publisher({
    open: (options) => sessions[sessions.push(new Session(options)) - 1],
    random: () => 0,
    diagnose: async (url) => ({ detail: `the publisher sent nothing: ${url}`, code: 'wrong_payload_type' }),
  });
  await goLive();
  sessions[0].dispatchEvent(new Event('lost'));
  assert.equal(publisher.state.name, 'reconnecting');
  assert.equal(publisher.state.detail, undefined);
  await settle();
  const { name, reason, detail, code } = publisher.state;
  assert.deepEqual([name, reason, code], ['reconnecting', 'lost', 'wrong_payload_type']);
  assert.match(detail, /sent nothing: https/);
});

test('Retry-After is obeyed, and the network coming back is used at once', async () => {
  publisher.start(order);
  await refuse(new RefusedError(503, 'full', 9000));
  mock.timers.tick(8900);
  assert.equal(sessions.length, 1);
  mock.timers.tick(100);
  assert.equal(sessions.length, 2);
  await refuse(new TypeError('Failed to fetch'));
  publisher.wake();
  assert.equal(sessions.length, 3);
});

test('a media path that does not come is given up', async () => {
  publisher.start(order);
  sessions[0].accept();
  await settle();
  mock.timers.tick(12_000);
  await settle();
  assert.equal(publisher.state.name, 'reconnecting');
  assert.equal(publisher.state.reason, 'path');
});

test('a short interruption is waited for', async () => {
  await goLive();
  sessions[0].path('interrupted');
  mock.timers.tick(1_000);
  sessions[0].path('connected');
  mock.timers.tick(60_000);
  assert.deepEqual([sessions[0].restarts, sessions.length, publisher.state.name], [0, 1, 'live']);
});

test('a lost path is looked for anew before the session is given up', async () => {
  await goLive();
  sessions[0].path('interrupted');
  mock.timers.tick(1_500);
  assert.deepEqual([sessions[0].restarts, publisher.state.name], [1, 'mending']);
  sessions[0].mended();
  await settle();
  sessions[0].path('connected');
  assert.equal(publisher.state.name, 'live');
  mock.timers.tick(60_000);
  assert.equal(sessions.length, 1, 'on the session that there was');
});

test('a path is looked for again while the server cannot be reached, and not for ever', async () => {
  await goLive();
  sessions[0].path('broken');
  mock.timers.tick(0);
  for (let i = 0; i < 3; i++) {
    sessions[0].unmended(new TypeError('Failed to fetch'));
    await settle();
    mock.timers.tick(2_000);
  }
  assert.deepEqual([sessions[0].restarts, publisher.state.name], [4, 'mending']);
  mock.timers.tick(6_000);
  assert.deepEqual([publisher.state.name, publisher.state.reason, sessions[0].closed], ['reconnecting', 'lost', 1]);
  mock.timers.tick(500);
  assert.equal(sessions.length, 2);
});

test('a session that the server has forgotten is made anew', async () => {
  await goLive();
  sessions[0].path('broken');
  mock.timers.tick(0);
  sessions[0].unmended(new RefusedError(404, 'no such session'));
  await settle();
  assert.deepEqual([publisher.state.name, publisher.state.reason], ['reconnecting', 'lost']);
});

test('another network is looked at at once', async () => {
  await goLive();
  publisher.wake();
  mock.timers.tick(0);
  assert.deepEqual([sessions[0].restarts, publisher.state.name], [1, 'live']);
});

test('the server is asked why no media gets through, while it has the session', async () => {
  const asked = [];
  publisher = new Publisher({
    open: (options) => {
      sessions.push(new Session(options));
      return sessions.at(-1);
    },
    diagnose: async (url, token) => {
      asked.push([url, token, sessions[0].closed]);
      return { detail: 'UDP is blocked', code: 'udp_blocked' };
    },
  });
  publisher.start(order);
  sessions[0].accept();
  await settle();
  mock.timers.tick(12_000);
  await settle();
  assert.deepEqual(asked, [['https://cam.example/whip/x/id', 'T', 0]]);
  const { reason, detail, code } = publisher.state;
  assert.deepEqual({ reason, detail, code }, { reason: 'path', detail: 'UDP is blocked', code: 'udp_blocked' });
});
