import assert from 'node:assert/strict';
import { test } from 'node:test';

import { iceServers, parseLinks } from '../lib/link.js';

test('one TURN server, as RFC 9725 writes it', () => {
  const header = '<turn:turn.example.net?transport=udp>; rel="ice-server"; username="user"; credential="pass"; credential-type="password"';
  assert.deepEqual(iceServers(header), [{ urls: 'turn:turn.example.net?transport=udp', username: 'user', credential: 'pass' }]);
});

test('several links in one header, as fetch() joins them', () => {
  const header = '<stun:stun.example.net>; rel=ice-server, <turns:t.example:443?transport=tcp>;rel="ice-server" ; username=u;credential=c,' +
    '<https://s.example/sse>; rel="urn:ietf:params:whep:ext:core:server-sent-events"; events="active,inactive"';
  assert.deepEqual(iceServers(header), [
    { urls: 'stun:stun.example.net' },
    { urls: 'turns:t.example:443?transport=tcp', username: 'u', credential: 'c' },
  ]);
});

test('commas, semicolons and quotes inside values and targets', () => {
  const [link, next] = parseLinks('<https://a.example/x,y;z>; title="a, \\"b\\"; c"; rel="x  Ice-Server", <b>; rel=y');
  assert.equal(link.target, 'https://a.example/x,y;z');
  assert.equal(link.params.get('title'), 'a, "b"; c');
  assert.equal(next.params.get('rel'), 'y');
});

test('names in any case, the first of two wins, a parameter may have no value', () => {
  const [link] = parseLinks('<stun:a>; REL="ice-server"; rel="other"; crossorigin');
  assert.equal(link.params.get('rel'), 'ice-server');
  assert.equal(link.params.get('crossorigin'), '');
});

test('what cannot be used is left out, and the rest stays', () => {
  assert.deepEqual(iceServers('<turn:no.credentials>; rel="ice-server", <http://x>; rel="ice-server", <stun:ok>; rel="ice-server"'), [{ urls: 'stun:ok' }]);
  assert.deepEqual(iceServers('garbage, <stun:ok>; rel="ice-server"'), [{ urls: 'stun:ok' }]);
  assert.deepEqual(iceServers('<stun:other>; rel="next"'), []);
});

test('nothing at all', () => {
  for (const header of [null, '', ' , ,', '<', '<unclosed; rel="ice-server"', ';;;', '<a>; =; "']) {
    assert.deepEqual(iceServers(header), []);
  }
});
