// The exchange with the server, with a peer connection and a server that are made up.
import assert from 'node:assert/strict';
import { afterEach, mock, test } from 'node:test';

import { negotiate, negotiateSwapped, RefusedError, refusal, release } from '../lib/signaling.js';

/** Gathers nothing until told to, as a browser behind a broken network does. */
class Connection extends EventTarget {
  iceGatheringState = 'new';
  localDescription = null;
  configuration = { iceServers: [], bundlePolicy: 'max-bundle' };
  async createOffer() { return { type: 'offer', sdp: 'offer' }; }
  async createAnswer() { return { type: 'answer', sdp: 'our answer' }; }
  async setLocalDescription(description) {
    this.localDescription = description;
    this.iceGatheringState = 'gathering';
  }
  async setRemoteDescription(description) { this.remoteDescription = description; }
  getConfiguration() { return this.configuration; }
  setConfiguration(configuration) { this.configuration = configuration; }
  closed = 0;
  close() { this.closed += 1; }
  gather() {
    this.localDescription = { ...this.localDescription, sdp: `${this.localDescription.sdp} with candidates` };
    this.iceGatheringState = 'complete';
    this.dispatchEvent(new Event('icegatheringstatechange'));
  }
}

/** Lets everything run that waits for nothing but its turn. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

function serve(status, body, headers, url = 'https://cam.example/prefix/whep/x') {
  return mock.method(globalThis, 'fetch', async () => {
    const response = new Response(body, { status, headers });
    Object.defineProperty(response, 'url', { value: url });
    return response;
  });
}

function exchange(connection, options = {}) {
  const resources = [];
  const promise = negotiate(connection, {
    endpoint: 'https://cam.example/prefix/whep/x',
    signal: new AbortController().signal,
    onResource: (resource) => resources.push(resource),
    ...options,
  });
  promise.catch(() => {});
  return { promise, resources };
}

afterEach(() => {
  mock.restoreAll();
  mock.timers.reset();
});

test('the offer is sent when every candidate is in it, and the answer is applied', async () => {
  const fetch = serve(201, 'answer', { Location: 'x/abc', ETag: '"1"', Link: '<stun:s>; rel="ice-server", <x/abc/e>; rel="urn:x"' });
  const connection = new Connection();
  const { promise, resources } = exchange(connection, { token: 'T' });
  await settle();
  assert.equal(fetch.mock.callCount(), 0, 'sent before gathering was over');
  connection.gather();
  await promise;
  const [url, request] = fetch.mock.calls[0].arguments;
  assert.equal(url, 'https://cam.example/prefix/whep/x');
  assert.equal(request.body, 'offer with candidates');
  assert.equal(request.headers.Authorization, 'Bearer T');
  assert.equal(request.headers['Content-Type'], 'application/sdp');
  assert.deepEqual(connection.remoteDescription, { type: 'answer', sdp: 'answer' });
  assert.deepEqual(connection.configuration, { iceServers: [{ urls: 'stun:s' }], bundlePolicy: 'max-bundle' });
  assert.deepEqual(resources, [{
    url: 'https://cam.example/prefix/whep/x/abc', etag: '"1"', iceServers: [{ urls: 'stun:s' }],
    extensions: [{ relation: 'urn:x', url: 'https://cam.example/prefix/whep/x/abc/e', params: new Map([['rel', 'urn:x']]) }],
  }]);
});

test('gathering is waited for one second, and then the offer goes as it is', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const fetch = serve(201, 'answer', { Location: '/s' });
  const { promise } = exchange(new Connection());
  await settle();
  mock.timers.tick(999);
  await settle();
  assert.equal(fetch.mock.callCount(), 0);
  mock.timers.tick(1);
  await promise;
  assert.equal(fetch.mock.calls[0].arguments[1].body, 'offer');
});

test('Location is resolved against where the answer came from', async () => {
  serve(201, 'answer', { Location: '/whep/x/abc' }, 'https://other.example/whep/x');
  const connection = new Connection();
  const { promise, resources } = exchange(connection);
  await settle();
  connection.gather();
  await promise;
  assert.equal(resources[0].url, 'https://other.example/whep/x/abc');
});

test('without a token there is no Authorization, without a Location nothing to delete', async () => {
  const fetch = serve(201, 'answer', {});
  const connection = new Connection();
  const { promise, resources } = exchange(connection);
  await settle();
  connection.gather();
  await promise;
  assert.equal('Authorization' in fetch.mock.calls[0].arguments[1].headers, false);
  assert.equal(resources[0].url, undefined);
  release(connection, undefined, 'T');
  assert.equal(fetch.mock.callCount(), 1);
  assert.equal(connection.closed, 1);
});

test('giving up while gathering sends nothing', async () => {
  const fetch = serve(201, 'answer', {});
  const abort = new AbortController();
  const { promise } = exchange(new Connection(), { signal: abort.signal });
  await settle();
  abort.abort(new Error('gone'));
  await assert.rejects(promise, /gone/);
  assert.equal(fetch.mock.callCount(), 0);
});

test('an edited offer that the browser does not take is replaced by its own', async () => {
  serve(201, 'answer', {});
  const connection = new Connection();
  const plain = connection.setLocalDescription.bind(connection);
  connection.setLocalDescription = async (description) => {
    if (description.sdp === 'edited') throw new Error('munged');
    await plain(description);
  };
  const { promise } = exchange(connection, { adjust: () => 'edited' });
  await settle();
  connection.gather();
  await promise;
  assert.equal(connection.localDescription.sdp, 'offer with candidates');
});

test('a refusal carries status, words and time', async () => {
  serve(409, '{"title":"Conflict","detail":"nobody publishes x","status":409}', {
    'Content-Type': 'application/problem+json', 'Retry-After': '3',
  });
  const connection = new Connection();
  const { promise } = exchange(connection);
  await settle();
  connection.gather();
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof RefusedError);
    assert.deepEqual([error.status, error.detail, error.retryAfter], [409, 'nobody publishes x', 3000]);
    return true;
  });
});

test('words are taken from problem documents, JSON errors and plain text only', async () => {
  const cases = [
    ['application/problem+json', '{"title":"T"}', 'T'],
    ['application/json; charset=utf-8', '{"error":"E"}', 'E'],
    ['text/plain; charset=utf-8', ' no such stream \n', 'no such stream'],
    ['text/html', '<h1>502 Bad Gateway</h1>', ''],
    ['application/json', '{broken', ''],
    ['application/json', 'null', ''],
    ['text/plain', 'x'.repeat(5000), ''],
  ];
  for (const [type, body, want] of cases) {
    const error = await refusal(new Response(body, { status: 400, headers: { 'Content-Type': type } }));
    assert.equal(error.detail, want, `${type} ${body.slice(0, 20)}`);
  }
});

test('a session is deleted with its token, also while the page goes, and then closed', async () => {
  const fetch = serve(200, '', {});
  const connection = new Connection();
  release(connection, 'https://cam.example/whep/x/abc', 'T');
  assert.equal(connection.closed, 0, 'the server must not hear of the end by the connection first');
  const [url, request] = fetch.mock.calls[0].arguments;
  assert.equal(url, 'https://cam.example/whep/x/abc');
  assert.deepEqual([request.method, request.keepalive, request.headers.Authorization], ['DELETE', true, 'Bearer T']);
  await settle();
  assert.equal(connection.closed, 1);
});

test('a server that does not answer keeps no connection open', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  mock.method(globalThis, 'fetch', () => new Promise(() => {}));
  const connection = new Connection();
  release(connection, 'https://cam.example/whep/x/abc');
  mock.timers.tick(1000);
  assert.equal(connection.closed, 1);
});

/** Answers one request after another. */
function serveEach(...replies) {
  return mock.method(globalThis, 'fetch', async () => {
    const { status, body, headers } = replies.shift();
    const response = new Response(body, { status, headers });
    Object.defineProperty(response, 'url', { value: 'https://cam.example/prefix/whep/x' });
    return response;
  });
}

/** Asks for an offer; resources is filled as the server names them. */
function swap(connection) {
  const resources = [];
  const promise = negotiateSwapped(connection, {
    endpoint: 'https://cam.example/prefix/whep/x',
    token: 'T',
    signal: new AbortController().signal,
    onResource: (resource) => resources.push(resource),
  });
  promise.catch(() => {});
  return { promise, resources };
}

test('with the roles swapped the server offers, and the answer goes to the session', async () => {
  const fetch = serveEach(
    { status: 406, body: 'their offer', headers: { Location: '/prefix/whep/x/abc', 'Content-Type': 'application/sdp' } },
    { status: 204, body: null },
  );
  const connection = new Connection();
  const { promise, resources } = swap(connection);
  await settle();
  assert.deepEqual(connection.remoteDescription, { type: 'offer', sdp: 'their offer' });
  assert.equal(fetch.mock.callCount(), 1, 'the answer waits for its candidates');
  connection.gather();
  await promise;
  assert.deepEqual(resources.map(({ url }) => url), ['https://cam.example/prefix/whep/x/abc']);
  const [asked, answered] = fetch.mock.calls.map(({ arguments: [url, init] }) => ({ url, ...init }));
  assert.equal(asked.method, 'POST');
  assert.equal(asked.headers.Prefer, 'counter-offer');
  assert.equal(answered.method, 'PATCH');
  assert.equal(answered.url, 'https://cam.example/prefix/whep/x/abc');
  assert.equal(answered.body, 'our answer with candidates');
  assert.equal(answered.headers.Authorization, 'Bearer T');
});

test('a server that knows no counter-offers refuses, and so does one whose offer has no place for an answer', async () => {
  serveEach({ status: 400, body: 'the offer is empty', headers: { 'Content-Type': 'text/plain' } });
  await assert.rejects(swap(new Connection()).promise, (error) => error instanceof RefusedError && error.status === 400);
  mock.restoreAll();
  serveEach({ status: 406, body: 'their offer' });
  await assert.rejects(swap(new Connection()).promise, (error) => error instanceof RefusedError && error.status === 406);
});
