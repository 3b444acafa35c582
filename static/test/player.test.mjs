// The player's decisions, in virtual time, with sessions that are made up.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { Player } from '../player/player.js';
import { RefusedError } from '../lib/signaling.js';

/** A session whose server and network the test plays. */
class Session extends EventTarget {
  stream = { of: this };
  frames = 0;
  sound = 0;
  closed = 0;
  video = true;
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
  hasVideo() { return this.video; }
  async report() {
    return new Map([
      ['v', { type: 'inbound-rtp', kind: 'video', framesDecoded: this.frames, packetsReceived: this.frames }],
      ['a', { type: 'inbound-rtp', kind: 'audio', packetsReceived: this.sound }],
    ]);
  }
  tellLate() { this.toldLate = (this.toldLate ?? 0) + 1; }
  close() { this.closed += 1; }
  say(type) { this.dispatchEvent(new Event(type)); }
}

let sessions;
let player;
let states;
let now;

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Lets time go by in small steps, as timers and promises take turns. */
async function pass(ms) {
  for (let left = ms; left > 0; left -= 100) {
    now += 100;
    mock.timers.tick(100);
    await settle();
  }
}

async function play() {
  player.start({ endpoint: 'https://cam.example/whep/x', token: 'T' });
  sessions.at(-1).accept();
  await settle();
  sessions.at(-1).say('connected');
  player.pictureShown();
}

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_000_000 });
  now = 0;
  mock.method(performance, 'now', () => now);
  sessions = [];
  states = [];
  player = new Player({
    open: (options) => {
      const session = new Session(options);
      sessions.push(session);
      return session;
    },
    random: () => 0,
  });
  player.addEventListener('state', ({ detail }) => states.push(detail.name));
});

afterEach(() => {
  player.stop();
  mock.restoreAll();
  mock.timers.reset();
});

test('plays, and says so when the picture is there', async () => {
  let stream;
  player.addEventListener('stream', ({ detail }) => { stream = detail; });
  await play();
  assert.deepEqual(states, ['connecting', 'playing']);
  assert.equal(stream, sessions[0].stream);
  assert.equal(sessions[0].options.token, 'T');
});

test('whether there is sound is known with the first picture, and then every second', async () => {
  const measured = [];
  player.addEventListener('stats', ({ detail }) => measured.push(detail.hasSound));
  await play();
  await settle();
  assert.deepEqual(measured, [false]);
  sessions[0].sound = 5;
  await pass(1_000);
  assert.deepEqual(measured, [false, true]);
});

test('a stream without a picture is told from one with it', async () => {
  await play();
  assert.equal(player.soundOnly, false);
  sessions[0].video = false;
  assert.equal(player.soundOnly, true);
  player.stop();
  assert.equal(player.soundOnly, false);
});

test('waits for a stream that has not started, and starts by itself', async () => {
  player.start({ endpoint: 'https://cam.example/whep/x' });
  sessions[0].refuse(new RefusedError(409, 'nobody publishes', 3000));
  await settle();
  assert.equal(player.state.name, 'waiting');
  await pass(2900);
  assert.equal(sessions.length, 1, 'Retry-After was not obeyed');
  await pass(200);
  assert.equal(sessions.length, 2);
  assert.equal(player.state.name, 'waiting', 'the words must not flicker while it asks again');
  sessions[1].accept();
  await settle();
  assert.equal(player.state.name, 'connecting');
  assert.equal(sessions[0].closed, 1);
});

test('a wrong token is not tried again, a new one is', async () => {
  player.start({ endpoint: 'https://cam.example/whep/x', token: 'wrong' });
  sessions[0].refuse(new RefusedError(401, ''));
  await settle();
  await pass(120_000);
  player.wake();
  assert.equal(sessions.length, 1);
  assert.equal(player.state.name, 'unauthorized');
  player.start({ endpoint: 'https://cam.example/whep/x', token: 'right' });
  assert.equal(sessions[1].options.token, 'right');
});

test('the network or the tab coming back does not wait for the back-off, but for the server’s wish', async () => {
  player.start({ endpoint: 'https://cam.example/whep/x' });
  sessions[0].refuse(new TypeError('Failed to fetch'));
  await settle();
  assert.equal(player.state.reason, 'unreachable');
  player.wake();
  assert.equal(sessions.length, 2);
  sessions[1].refuse(new RefusedError(503, 'full', 20_000));
  await settle();
  player.wake();
  assert.equal(sessions.length, 2, 'came back before Retry-After');
  player.retry();
  assert.equal(sessions.length, 3, 'a person may insist');
});

test('a lost connection is made again', async () => {
  await play();
  sessions[0].say('lost');
  assert.equal(player.state.name, 'reconnecting');
  assert.equal(player.state.reason, 'lost');
  assert.equal(sessions[0].closed, 1);
  await pass(600);
  assert.equal(sessions.length, 2);
});

test('a media path that does not come is given up', async () => {
  player.start({ endpoint: 'https://cam.example/whep/x' });
  sessions[0].accept();
  await settle();
  await pass(900);
  assert.equal(sessions[0].toldLate, undefined, 'most sessions connect sooner');
  await pass(11_000);
  assert.equal(sessions[0].toldLate, 1, 'the server is told the rest of the candidates');
  assert.equal(player.state.name, 'connecting');
  await pass(200);
  assert.equal(player.state.reason, 'path');
});

test('where no path comes about, the next attempt lets the server offer, and the one after does not', async () => {
  player.start({ endpoint: 'https://cam.example/whep/x' });
  const ways = [];
  for (let i = 0; i < 3; i += 1) {
    ways.push(sessions.at(-1).options.swapped);
    sessions.at(-1).accept();
    await settle();
    await pass(12_000); // no path
    await pass(15_000); // the longest back-off
  }
  assert.deepEqual(ways, [false, true, false]);
});

test('a server that makes no offers is asked the usual way again', async () => {
  player.start({ endpoint: 'https://cam.example/whep/x' });
  sessions.at(-1).accept();
  await settle();
  await pass(27_000);
  assert.equal(sessions.at(-1).options.swapped, true);
  sessions.at(-1).refuse(new RefusedError(400, 'The offer is empty.'));
  await settle();
  await pass(40_000);
  assert.equal(sessions.at(-1).options.swapped, false);
});

test('a picture that stands still is told, and then the connection is made again', async () => {
  await play();
  for (let second = 0; second < 3; second++) {
    sessions[0].frames += 30;
    await pass(1000);
  }
  await pass(5000);
  assert.equal(player.state.name, 'stalled');
  sessions[0].frames += 1;
  await pass(1100);
  assert.equal(player.state.name, 'playing');
  await pass(11_000);
  assert.equal(player.state.reason, 'frozen');
  assert.equal(sessions[0].closed, 1);
});

test('what a stream without pictures sends is its sound', async () => {
  player.start({ endpoint: 'https://cam.example/whep/x' });
  sessions[0].video = false;
  sessions[0].accept();
  await settle();
  sessions[0].say('connected');
  sessions[0].frames = 50;
  await pass(1000);
  assert.equal(player.state.name, 'playing');
});

test('ICE servers that the server named are used by the next offer', async () => {
  player.start({ endpoint: 'https://cam.example/whep/x' });
  sessions[0].iceServers = [{ urls: 'turn:t', username: 'u', credential: 'c' }];
  sessions[0].accept();
  await settle();
  sessions[0].say('lost');
  await pass(600);
  assert.deepEqual(sessions[1].options.iceServers, [{ urls: 'turn:t', username: 'u', credential: 'c' }]);
});

test('failures wait longer and longer, until a session has lasted', async () => {
  player.start({ endpoint: 'https://cam.example/whep/x' });
  for (let i = 0; i < 4; i++) {
    sessions.at(-1).refuse(new RefusedError(500, ''));
    await settle();
    await pass(600);
  }
  const session = sessions.at(-1);
  session.accept();
  await settle();
  session.say('connected');
  for (let second = 0; second < 7; second++) {
    session.frames += 30;
    await pass(1000);
  }
  session.say('lost');
  assert.equal(player.state.retryAt - Date.now(), 500);
});

test('stopping leaves no session and no timer', async () => {
  await play();
  player.stop();
  player.stop();
  assert.equal(sessions[0].closed, 1);
  assert.ok(sessions[0].signal.aborted);
  sessions[0].say('lost');
  await pass(60_000);
  assert.equal(sessions.length, 1);
  assert.equal(player.state.name, 'idle');
  player.retry();
  player.wake();
  assert.equal(sessions.length, 1);
});

test('stopping while the server is asked gives the request up', async () => {
  player.start({ endpoint: 'https://cam.example/whep/x' });
  player.stop();
  assert.ok(sessions[0].signal.aborted);
  sessions[0].refuse(sessions[0].signal.reason);
  await settle();
  assert.equal(player.state.name, 'idle');
});

test('a browser without WebRTC is told, and not asked in a loop without pause', async () => {
  const bare = new Player({ open: () => { throw new TypeError('RTCPeerConnection is not a constructor'); }, random: () => 0 });
  bare.start({ endpoint: 'https://cam.example/whep/x' });
  assert.equal(bare.state.reason, 'unusable');
  assert.ok(bare.state.retryAt > Date.now());
  bare.stop();
});

test('a path that breaks is mended by an ICE restart, with the same session', async () => {
  await play();
  const session = sessions[0];
  session.restartable = true;
  session.restart = mock.fn(async () => { session.connected = true; });
  session.frames += 30;
  await pass(1000);
  session.connected = false;
  session.say('interrupted');
  await pass(1600);
  assert.equal(session.restart.mock.callCount(), 1);
  assert.deepEqual([player.state.name, player.state.reason], ['stalled', 'network']);
  session.say('connected');
  session.frames += 30;
  await pass(1000);
  assert.equal(player.state.name, 'playing');
  await pass(9000);
  assert.equal(sessions.length, 1);
});

test('an interruption that ends by itself is left alone', async () => {
  await play();
  sessions[0].restartable = true;
  sessions[0].restart = mock.fn(async () => {});
  sessions[0].say('interrupted');
  await pass(1000);
  sessions[0].say('connected');
  await pass(2000);
  assert.equal(sessions[0].restart.mock.callCount(), 0);
});

test('another network restarts ICE at once, and a refused restart is followed by a new session', async () => {
  await play();
  sessions[0].restartable = true;
  sessions[0].restart = mock.fn(async () => { throw new RefusedError(412, ''); });
  player.networkChanged();
  await settle();
  assert.equal(sessions[0].restart.mock.callCount(), 1);
  assert.equal(player.state.reason, 'lost');
  await pass(600);
  assert.equal(sessions.length, 2);
});

test('a restart that the network does not let through gives the old session its time', async () => {
  await play();
  sessions[0].restartable = true;
  sessions[0].restart = mock.fn(async () => { throw new TypeError('Failed to fetch'); });
  sessions[0].say('broken');
  await pass(3000);
  assert.equal(sessions.length, 1);
  await pass(9000);
  assert.equal(player.state.reason, 'frozen');
});

test('a restart without a new path is followed by a new session', async () => {
  await play();
  sessions[0].restartable = true;
  sessions[0].restart = async () => {};
  sessions[0].say('broken');
  for (let second = 0; second < 9; second++) {
    sessions[0].frames += 1; // what still trickles in is no path
    await pass(1000);
  }
  assert.equal(player.state.reason, 'lost');
});

const tell = (type, data) => sessions.at(-1).dispatchEvent(new CustomEvent('told', { detail: { type, data } }));

test('a publisher that is away is waited for on the same session', async () => {
  await play();
  tell('active', {});
  sessions[0].frames += 30;
  await pass(1000);
  tell('inactive', {});
  await pass(25_000);
  assert.deepEqual([player.state.name, player.state.reason], ['waiting', 'away']);
  assert.equal(sessions.length, 1);
  tell('active', {});
  sessions[0].frames += 30;
  await pass(1000);
  assert.equal(player.state.name, 'playing');
});

test('the server’s word for a new session is followed at once', async () => {
  await play();
  tell('reconnect', {});
  assert.equal(player.state.reason, 'asked');
  await pass(500);
  assert.equal(sessions.length, 2);
});

test('how many watch and what can be chosen is passed on', async () => {
  const heard = [];
  for (const type of ['viewers', 'layers']) player.addEventListener(type, ({ detail }) => heard.push([type, detail.length ?? detail]));
  await play();
  tell('viewercount', { viewercount: 7 });
  tell('layers', { 0: [{ rid: 'h' }, { rid: 'l' }] });
  assert.deepEqual(heard, [['viewers', 7], ['layers', 2]]);
});

/** A second of a stream whose pictures wait in the browser. */
async function lateSecond(session) {
  session.frames += 30;
  session.waited = (session.waited ?? 0) + 30 * 3;
  session.report = async () => new Map([['v', {
    type: 'inbound-rtp', kind: 'video', framesDecoded: session.frames, jitterBufferDelay: session.waited, jitterBufferEmittedCount: session.frames,
  }]]);
  await pass(1000);
}

test('a picture that is seconds late is played anew, then fetched anew, and not for ever', async () => {
  const streams = [];
  player.addEventListener('stream', ({ detail }) => streams.push(detail));
  await play();
  for (let second = 0; second < 5; second++) await lateSecond(sessions[0]);
  assert.equal(streams.length, 2, 'played anew');
  for (let second = 0; second < 5; second++) await lateSecond(sessions[0]);
  assert.equal(player.state.reason, 'behind');
  await pass(500);
  sessions[1].accept();
  await settle();
  sessions[1].say('connected');
  for (let second = 0; second < 12; second++) await lateSecond(sessions[1]);
  assert.equal(sessions.length, 2, 'a network that is always late gets no third session at once');
});

test('why no path came about is asked before the session is given back', async () => {
  const asked = [];
  const curious = new Player({
    open: (options) => {
      const session = new Session(options);
      session.resource = 'https://cam.example/whep/x/1';
      sessions.push(session);
      return session;
    },
    diagnose: async (url, token) => {
      asked.push([url, token, sessions.at(-1).closed]);
      return { detail: 'UDP is blocked.', code: 'udp_blocked' };
    },
    random: () => 0,
  });
  curious.start({ endpoint: 'https://cam.example/whep/x', token: 'T' });
  sessions[0].accept();
  await settle();
  await pass(12_100);
  assert.deepEqual(asked, [['https://cam.example/whep/x/1', 'T', 0]]);
  assert.deepEqual([curious.state.reason, curious.state.detail, curious.state.code], ['path', 'UDP is blocked.', 'udp_blocked']);
  assert.equal(sessions[0].closed, 1);
  curious.stop();
});

test('the chosen layer is asked for again in the next session', async () => {
  const layer = { id: 'h', mediaId: '0', rid: 'h' };
  await play();
  sessions[0].chooseLayer = mock.fn(async () => {});
  await player.chooseLayer(layer);
  sessions[0].say('lost');
  await pass(600);
  sessions[1].chooseLayer = mock.fn(async () => {});
  sessions[1].accept();
  await settle();
  assert.deepEqual(sessions[1].chooseLayer.mock.calls[0].arguments, [layer]);
  assert.equal(player.layer, layer);
});

test('servers of the page and of the server are offered together', async () => {
  player.start({ endpoint: 'https://cam.example/whep/x', policy: 'relay', iceServers: [{ urls: 'stun:page' }] });
  assert.deepEqual(sessions[0].options.iceServers, [{ urls: 'stun:page' }]);
  assert.equal(sessions[0].options.policy, 'relay');
});

test('a relay that the answer names is tried soon where there is no path', async () => {
  player.start({ endpoint: 'https://cam.example/whep/x' });
  const [session] = sessions;
  session.restartable = true;
  session.relayUnused = true;
  session.restart = mock.fn(async () => { session.relayUnused = false; });
  session.accept();
  await settle();
  await pass(2900);
  assert.equal(session.restart.mock.callCount(), 0);
  await pass(200);
  assert.equal(session.restart.mock.callCount(), 1);
  assert.equal(player.state.name, 'connecting');
  session.say('connected');
  player.pictureShown();
  await pass(9000);
  assert.equal(sessions.length, 1);
});

test('a picture that the network cannot carry is waited for, as long as anything comes', async () => {
  await play();
  tell('network', { state: 'congested', limitedBy: 'queue', estimate: 400_000, needs: 500_000, fits: false });
  sessions[0].frames += 30;
  await pass(1000);
  for (let second = 0; second < 30; second++) {
    sessions[0].sound += 50;
    await pass(1000);
  }
  assert.deepEqual([player.state.name, player.state.reason, sessions.length], ['stalled', 'narrow', 1]);
  for (let second = 0; second < 5; second++) {
    sessions[0].sound += 50;
    await lateSecond(sessions[0]); // neither is it played anew
  }
  assert.equal(sessions.length, 1);
  sessions[0].report = async () => new Map(); // nothing comes any more
  await pass(12_000);
  assert.equal(player.state.reason, 'frozen');
});

test('a stream that is not there is waited for, where somebody tells when it comes', async () => {
  player.told = () => true;
  player.start({ endpoint: 'https://cam.example/whep/x' }, false);
  await pass(60_000);
  assert.deepEqual([sessions.length, states], [0, ['waiting']], 'nothing is offered');
  player.retry();
  assert.equal(sessions.length, 1);
  sessions[0].refuse(new RefusedError(409, 'nobody is publishing'));
  await pass(60_000);
  assert.equal(sessions.length, 1, 'it is not asked for again and again');
  assert.equal(player.state.retryAt, undefined);
  player.told = () => false;
  player.retry();
  sessions[1].refuse(new RefusedError(409, 'nobody is publishing'));
  await pass(3_000);
  assert.equal(sessions.length, 3, 'nobody tells: it asks');
});
