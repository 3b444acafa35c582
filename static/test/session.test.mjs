// What a session does beside its offer and answer: ICE restarts, events, layers, and what a
// Porthole tells.
import assert from 'node:assert/strict';
import { afterEach, mock, test } from 'node:test';

import { Companion } from '../player/companion.js';
import { restartFragment, withFragment } from '../lib/fragment.js';
import { chooseLayer, readLayers } from '../player/layers.js';
import { extensions } from '../lib/link.js';
import { diagnose, ownStream } from '../player/porthole.js';
import { restartIce } from '../lib/restart.js';
import { askServers, hasRelay, readServers } from '../lib/servers.js';
import { mergeServers, RefusedError } from '../lib/signaling.js';
import { relEvents, WhepEvents } from '../player/whep-events.js';

const settle = () => new Promise((resolve) => setImmediate(resolve));

afterEach(() => {
  mock.restoreAll();
  mock.timers.reset();
});

/** Answers one request after another, and remembers them. */
function serve(...replies) {
  return mock.method(globalThis, 'fetch', async (url) => {
    const reply = replies.shift();
    if (reply instanceof Error || !reply) throw reply ?? new TypeError('nobody answers');
    const response = new Response(reply.body ?? null, { status: reply.status, headers: reply.headers });
    Object.defineProperty(response, 'url', { value: String(url) });
    return response;
  });
}

const sections = ['m=video 9 UDP/TLS/RTP/SAVPF 96', 'a=mid:0', 'a=ice-ufrag:NEW', 'a=ice-pwd:newpassword', 'a=candidate:1 1 udp 1 192.0.2.1 5 typ host',
  'a=recvonly', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=mid:1', 'a=ice-ufrag:NEW', 'a=ice-pwd:newpassword'];
const offer = ['v=0', 'a=group:BUNDLE 0 1', ...sections, ''].join('\r\n');
const answer = ['v=0', 'a=group:BUNDLE 0 1', 'm=video 9 UDP/TLS/RTP/SAVPF 96', 'a=mid:0', 'a=ice-ufrag:old', 'a=ice-pwd:oldpassword',
  'a=candidate:1 1 udp 1 198.51.100.1 8081 typ host', 'a=end-of-candidates', 'a=sendonly', 'm=audio 0 UDP/TLS/RTP/SAVPF 111', 'a=mid:1', ''].join('\r\n');
const fragment = 'a=ice-ufrag:srv\r\na=ice-pwd:srvpassword\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:2 1 udp 1 203.0.113.9 8081 typ host\r\na=end-of-candidates\r\n';

test('a restart is asked for with the new credentials and candidates', () => {
  assert.deepEqual(restartFragment(offer).split('\r\n'), [
    'a=ice-ufrag:NEW', 'a=ice-pwd:newpassword', 'a=group:BUNDLE 0 1', 'm=video 9 UDP/TLS/RTP/SAVPF 96', 'a=mid:0',
    'a=candidate:1 1 udp 1 192.0.2.1 5 typ host', 'a=end-of-candidates', '']);
  assert.equal(restartFragment('v=0\r\n'), '');
});

test('the server’s fragment takes the place of its old credentials and candidates', () => {
  assert.deepEqual(withFragment(answer, fragment).split('\r\n'), [
    'v=0', 'a=group:BUNDLE 0 1', 'm=video 9 UDP/TLS/RTP/SAVPF 96', 'a=mid:0', 'a=sendonly', 'a=ice-ufrag:srv', 'a=ice-pwd:srvpassword',
    'a=candidate:2 1 udp 1 203.0.113.9 8081 typ host', 'a=end-of-candidates', 'm=audio 0 UDP/TLS/RTP/SAVPF 111', 'a=mid:1', '']);
  assert.equal(withFragment(answer, 'm=audio 9 RTP/AVP 0\r\n'), '');
});

class Connection extends EventTarget {
  iceGatheringState = 'complete';
  signalingState = 'stable';
  remoteDescription = { type: 'answer', sdp: answer };
  async createOffer(options) {
    this.options = options;
    return { type: 'offer', sdp: offer };
  }
  async setLocalDescription(description) {
    this.signalingState = description.type === 'offer' ? 'have-local-offer' : 'stable';
    this.localDescription = description.type === 'offer' ? description : null;
  }
  async setRemoteDescription(description) {
    this.remoteDescription = description;
    this.signalingState = 'stable';
  }
}

const restart = (connection, options = {}) => restartIce(connection, {
  url: 'https://cam.example/whep/x/1', etag: '"a"', token: 'T', signal: new AbortController().signal, ...options,
});

test('an ICE restart keeps the session and brings a new ETag', async () => {
  const fetch = serve({ status: 200, body: fragment, headers: { ETag: '"b"' } });
  const connection = new Connection();
  assert.equal(await restart(connection), '"b"');
  assert.deepEqual(connection.options, { iceRestart: true });
  const [url, { method, headers, body }] = fetch.mock.calls[0].arguments;
  assert.deepEqual([url, method], ['https://cam.example/whep/x/1', 'PATCH']);
  assert.deepEqual([headers['If-Match'], headers['Content-Type'], headers.Authorization],
    ['"a"', 'application/trickle-ice-sdpfrag', 'Bearer T']);
  assert.equal(body, restartFragment(offer));
  assert.equal(connection.remoteDescription.sdp, withFragment(answer, fragment));
});

test('a restart that is refused leaves the connection as it was', async () => {
  serve({ status: 412 });
  const connection = new Connection();
  await assert.rejects(restart(connection), (error) => error instanceof RefusedError && error.status === 412);
  assert.equal(connection.signalingState, 'stable');
  assert.equal(connection.remoteDescription.sdp, answer);
});

test('without an ETag any is asked for', async () => {
  const fetch = serve({ status: 200, body: fragment });
  assert.equal(await restart(new Connection(), { etag: undefined }), undefined);
  assert.equal(fetch.mock.calls[0].arguments[1].headers['If-Match'], '*');
});

const eventsLink = (params) => extensions(`<x/1/events>; rel="${relEvents}"${params}, <stun:s>; rel="ice-server"`, 'https://cam.example/whep/x')[0];

test('events are asked for by the names that the server has, and read from where it says', async () => {
  const feed = 'event: active\ndata: {}\n\nevent: viewercount\ndata: {"viewercount":3}\n\nevent: layers\ndata: broken\n\n';
  const fetch = serve({ status: 201, headers: { Location: '/whep/x/1/events/f' } }, { status: 200, body: feed });
  const told = [];
  const events = new WhepEvents(eventsLink('; events="active,viewercount,scte35,layers"'), { token: 'T', heard: (each) => told.push(each) });
  events.start();
  events.start();
  for (let i = 0; i < 6; i++) await settle();
  events.stop();
  assert.deepEqual(told, [{ type: 'active', data: {} }, { type: 'viewercount', data: { viewercount: 3 } }, { type: 'layers', data: undefined }]);
  const [[url, post], [feedURL]] = fetch.mock.calls.map((call) => call.arguments);
  assert.deepEqual([url, post.body, post.headers.Authorization],
    ['https://cam.example/whep/x/1/events', '["active","layers","viewercount"]', 'Bearer T']);
  assert.equal(feedURL, 'https://cam.example/whep/x/1/events/f');
  assert.equal(fetch.mock.callCount(), 2);
});

test('a feed that ended is read again, one that is gone is not', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const fetch = serve({ status: 201, headers: { Location: 'f' } }, { status: 200, body: 'event: active\ndata: {}\n\n' }, { status: 404 });
  const events = new WhepEvents(eventsLink(''), { heard: () => {} });
  events.start();
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 6; i++) await settle();
    mock.timers.tick(30_000);
  }
  assert.equal(fetch.mock.callCount(), 3);
  events.stop();
});

test('layers are read best first, and one alone is no choice', () => {
  const ours = { 0: [{ rid: 'l', bitrate: 200_000, width: 320, height: 180 }, { rid: 'h', bitrate: 1_500_000, width: 1280, height: 720 }] };
  assert.deepEqual(readLayers(ours).map(({ id, mediaId, height }) => [id, mediaId, height]), [['h', '0', 720], ['l', '0', 180]]);
  assert.deepEqual(readLayers({ 0: { active: [{ encodingId: 'a' }, { encodingId: 'b' }] } }).map(({ id }) => id), ['a', 'b']);
  assert.deepEqual(readLayers({ 0: [{ spatialLayerId: 0 }, { spatialLayerId: 1 }] }).map(({ id }) => id), ['spatial 0', 'spatial 1']);
  for (const none of [undefined, null, 'x', {}, { 0: [{ rid: 'h' }] }, { 0: 5 }]) assert.deepEqual(readLayers(none), []);
});

test('a layer is chosen by POST and given up by DELETE', async () => {
  const fetch = serve({ status: 200 }, { status: 200 }, { status: 404 });
  const [layer] = readLayers({ 0: [{ rid: 'h', height: 720 }, { rid: 'l', height: 180 }] });
  await chooseLayer('https://cam.example/l', layer, 'T');
  await chooseLayer('https://cam.example/l', undefined, 'T');
  const [[, chosen], [, automatic]] = fetch.mock.calls.map((call) => call.arguments);
  assert.deepEqual([chosen.method, JSON.parse(chosen.body), chosen.headers.Authorization],
    ['POST', { mediaId: '0', rid: 'h', encodingId: 'h' }, 'Bearer T']);
  assert.deepEqual([automatic.method, automatic.body], ['DELETE', undefined]);
  await assert.rejects(chooseLayer('https://cam.example/l', layer), RefusedError);
});

test('servers of the page: mistakes do not cost the picture', () => {
  assert.deepEqual(readServers(null), []);
  mock.method(console, 'warn', () => {});
  assert.deepEqual(readServers('{oops'), []);
  const turn = { urls: ['turn:t.example'], username: 'u', credential: 'c' };
  assert.deepEqual(readServers(JSON.stringify([{ urls: 'stun:s.example' }, turn, { urls: 'turn:bare.example' }, { urls: 'https://x' }, 5])),
    [{ urls: 'stun:s.example' }, turn]);
  assert.equal(hasRelay([turn]), true);
  assert.equal(hasRelay([{ urls: 'stun:s.example' }]), false);
});

test('a server named anew replaces its older entry', () => {
  assert.deepEqual(mergeServers([{ urls: 'turn:a', credential: 'old' }, { urls: 'stun:b' }], [{ urls: 'turn:a', credential: 'new' }]),
    [{ urls: 'stun:b' }, { urls: 'turn:a', credential: 'new' }]);
});

test('an endpoint is asked for its servers before the offer', async () => {
  const fetch = serve({ status: 200, headers: { Link: '<turn:t>; rel="ice-server"; username="u"; credential="c"' } });
  const servers = await askServers('https://cam.example/whep/x', 'T', new AbortController().signal);
  assert.deepEqual(servers, [{ urls: 'turn:t', username: 'u', credential: 'c' }]);
  assert.equal(fetch.mock.calls[0].arguments[1].method, 'OPTIONS');
});

test('only the server that this module came from is asked for more than WHEP', async () => {
  const root = new URL('../..', import.meta.url).href;
  assert.equal(ownStream(`${root}whep/web%20cam`), 'web cam');
  assert.equal(ownStream(`${root}whep/x/session`), undefined);
  assert.equal(ownStream('https://elsewhere.example/whep/x'), undefined);
  const fetch = serve({ status: 200, body: '{"diagnosis":"UDP is blocked.","code":"udp_blocked"}' }, { status: 404 });
  assert.deepEqual(await diagnose('https://elsewhere.example/whep/x/abc'), {});
  assert.equal(fetch.mock.callCount(), 0);
  assert.deepEqual(await diagnose(`${root}whep/x/abc`, 'T'), { detail: 'UDP is blocked.', code: 'udp_blocked' });
  assert.equal(String(fetch.mock.calls[0].arguments[0]), `${root}api/sessions/abc/diagnosis`);
  assert.deepEqual(await diagnose(`${root}whep/x/abc`, 'T'), {});
});

test('how a stream is, is asked slowly while it plays, and followed while it is waited for', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  let asked = 0;
  const told = [];
  let there = 0;
  let lost = 0;
  let listed = 0;
  const feed = Object.assign(new EventTarget(), { tokens: [], stopped: 0, start(token) { this.tokens.push(token); }, stop() { this.stopped += 1; } });
  const companion = new Companion(
    { tell: (about, streams) => told.push([about?.state, streams?.length]), there: () => { there += 1; }, lost: () => { lost += 1; } },
    { ask: async () => ({ state: 'live', turn: ++asked }), list: async () => { listed += 1; return [{ name: 'x', live: true }]; }, feed, random: () => 0.5 });
  const say = (...streams) => feed.dispatchEvent(new CustomEvent('streams', { detail: streams }));
  const pass = async (ms) => {
    for (let left = ms; left > 0; left -= 500) {
      mock.timers.tick(500);
      await settle();
    }
  };
  companion.pace = 'waiting';
  await pass(5_000);
  assert.deepEqual([asked, feed.tokens], [0, []], 'there is no stream to ask for');
  companion.start('x', 'T');
  assert.equal(companion.absent, true, 'it will be told');
  companion.pace = 'waiting';
  companion.pace = 'waiting';
  await pass(20_000);
  assert.deepEqual([asked, feed.tokens], [0, ['T']], 'it follows events and asks nothing');
  say({ name: 'y', state: 'live' });
  say({ name: 'x', state: 'waiting' }, { name: 'y', state: 'live' });
  await pass(5_000);
  assert.deepEqual(told, [[undefined, 1], ['waiting', 2]]);
  assert.deepEqual([there, companion.absent], [0, true]);
  say({ name: 'x', state: 'standby' });
  say({ name: 'x', state: 'live' });
  await pass(1_000);
  assert.deepEqual([there, companion.absent], [1, false], 'once, when it can be joined');
  feed.dispatchEvent(new Event('offline'));
  feed.dispatchEvent(new Event('unauthorized'));
  assert.equal(lost, 2);
  const stopped = feed.stopped;
  companion.pace = 'playing';
  assert.equal(feed.stopped, stopped + 1);
  await pass(21_000);
  assert.equal(asked, 2);
  companion.hint();
  companion.hint();
  await pass(2_000);
  assert.equal(asked, 3);
  companion.pace = 'none';
  companion.hint();
  await pass(60_000);
  assert.deepEqual([asked, there, listed], [3, 1, 0]);

  globalThis.document = { hidden: true };
  companion.pace = 'waiting';
  await pass(9_500);
  assert.deepEqual([feed.tokens.length, listed], [1, 0], 'in the background it keeps no connection');
  await pass(1_000);
  assert.deepEqual([listed, there], [1, 2], 'and looks now and then');
  globalThis.document.hidden = false;
  companion.visibilityChanged();
  await pass(60_000);
  assert.deepEqual([feed.tokens.length, listed], [2, 1]);
  delete globalThis.document;
  companion.stop();
  await pass(60_000);
  assert.deepEqual([asked, there, companion.absent], [3, 2, false]);
});
