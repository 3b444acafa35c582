// The publisher's decisions, in virtual time, with sessions that are made up.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { Publisher } from '../publisher.js';
import { RefusedError } from '../signaling.js';

class Session extends EventTarget {
  closed = 0;
  streams = [];
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
  sessions.at(-1).dispatchEvent(new Event('connected'));
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
  assert.equal(publisher.state.name, 'reconnecting');
  assert.match(publisher.state.detail, /no media gets through/);
});
