// Tests of the modules without a browser: timing, parsing, words, numbers.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe as group, test } from 'node:test';

import { Backoff, retryAfter } from '../lib/backoff.js';
import { bitrate, clock, duration, media, watching } from '../lib/format.js';
import { withStartBitrate, withStereo } from '../lib/sdp.js';
import { RefusedError } from '../lib/signaling.js';
import { EventParser } from '../lib/sse.js';
import { failureOf } from '../player/states.js';
import { diagnosisInChinese, inChinese } from '../text/diagnosis.js';
import { countdown, describe, words } from '../text/states.js';
import { FROZEN_AFTER, STALLED_AFTER, Watchdog } from '../player/watchdog.js';
import { codecNames, preferred } from '../lib/whip.js';

group('back-off', () => {
  test('grows from half a second to fifteen, at the latest draw', () => {
    const backoff = new Backoff({ random: () => 0.999999 });
    const waits = Array.from({ length: 8 }, () => backoff.next());
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 15000, 15000, 15000, 15000]);
  });
  test('never waits less than the first wait', () => {
    const backoff = new Backoff({ random: () => 0 });
    for (let i = 0; i < 2000; i++) assert.equal(backoff.next(), 500);
  });
  test('spreads players over the whole range', () => {
    const waits = Array.from({ length: 500 }, () => {
      const backoff = new Backoff();
      backoff.failures = 9;
      return backoff.next();
    });
    assert.ok(Math.min(...waits) < 3000 && Math.max(...waits) > 12000);
  });
  test('looks often for a server that may be starting again, and not for ever', () => {
    const backoff = new Backoff({ random: () => 1 });
    const waits = Array.from({ length: 40 }, () => backoff.next(true));
    assert.deepEqual(waits.slice(0, 4), [1000, 1200, 1200, 1200]);
    assert.equal(waits[29], 1200);
    assert.equal(waits[30], 15_000);
  });
  test('starts anew after a success', () => {
    const backoff = new Backoff({ random: () => 1 });
    for (let i = 0; i < 6; i++) backoff.next();
    backoff.reset();
    assert.equal(backoff.next(), 1000);
  });
});

test('Retry-After is read as seconds and as a date', () => {
  const now = Date.parse('2025-03-01T10:00:00Z');
  assert.equal(retryAfter('2', now), 2000);
  assert.equal(retryAfter(' 0 ', now), 0);
  assert.equal(retryAfter('Sat, 01 Mar 2025 10:00:07 GMT', now), 7000);
  assert.equal(retryAfter('Sat, 01 Mar 2025 09:00:00 GMT', now), 0, 'a time that has passed is now');
  assert.equal(retryAfter('99999999', now), 3_600_000, 'not for ever');
  for (const nothing of [null, '', 'soon', '1.5.2']) assert.equal(retryAfter(nothing, now), undefined);
});

group('failures', () => {
  const states = [
    [401, 'unauthorized', 'never'],
    [403, 'unauthorized', 'never'],
    [404, 'unknown', 'backoff'],
    [409, 'waiting', 2000],
    [429, 'full', 'backoff'],
    [503, 'full', 'backoff'],
    [400, 'refused', 30_000],
    [422, 'refused', 30_000],
    [500, 'reconnecting', 'backoff'],
    [502, 'reconnecting', 'backoff'],
  ];
  test('403 for a page of another site is refused, in the words of the server', () => {
    const failure = failureOf(new RefusedError(403, 'start it with --allow-origin https://a.example'));
    assert.equal(failure.state.name, 'refused');
    assert.match(failure.state.detail ?? '', /--allow-origin https:\/\/a.example/);
  });
  for (const [status, name, wait] of states) {
    test(`${status} is ${name}`, () => {
      const failure = failureOf(new RefusedError(status, 'why'));
      assert.equal(failure.state.name, name);
      assert.equal(failure.wait, wait);
      assert.equal(failure.state.detail, 'why');
    });
  }
  test('the server’s own time goes before ours, and is bound to when the server is full', () => {
    for (const status of [404, 409, 422, 429, 500, 503]) {
      const failure = failureOf(new RefusedError(status, '', 7000));
      assert.equal(failure.wait, 7000);
      assert.equal(failure.bound ?? false, status === 429 || status === 503);
    }
  });
  test('no way to the server is told from an answer that cannot be used', () => {
    assert.equal(failureOf(new TypeError('Failed to fetch')).state.reason, 'unreachable');
    assert.equal(failureOf(new Error('bad SDP')).state.reason, 'unusable');
  });
});

group('words', () => {
  const en = words(['en']);
  test('the first language that there are words for', () => {
    assert.equal(words([null, 'de-DE', 'zh-CN', 'en']).lang, 'zh');
    assert.equal(words(['en-GB', 'zh']).lang, 'en');
    assert.equal(words(['fr']).lang, 'en');
    assert.equal(words([]).lang, 'en');
  });
  test('both languages have the same words', () => {
    const zh = words(['zh']);
    for (const part of ['states', 'reasons']) assert.deepEqual(Object.keys(zh[part]), Object.keys(en[part]));
    assert.deepEqual(Object.keys(zh), Object.keys(en));
  });
  test('a missing token is not called a wrong one', () => {
    const state = { name: 'unauthorized', status: 401 };
    assert.equal(describe(en, { name: 'playing' }, { soundOnly: true }).headline, 'Sound only');
    assert.equal(describe(en, state, { hasToken: false }).headline, 'This stream needs a token');
    assert.equal(describe(en, state, { hasToken: true }).headline, 'The token is wrong');
  });
  test('a refusal is told in the server’s words', () => {
    assert.equal(describe(en, { name: 'refused', status: 422, detail: 'no common codec' }).detail, 'no common codec');
  });
  test('a camera that is not there is told where a picture is waited for', () => {
    const zh = words(['zh']);
    const waiting = { name: 'stalled' };
    assert.equal(describe(en, waiting, { source: 'camera unplugged' }).detail, 'Camera unplugged.');
    assert.equal(describe(zh, waiting, { source: 'camera unplugged' }).detail, '摄像头已拔出。');
    const silent = { source: 'the publisher has stopped sending' };
    assert.equal(describe(en, { name: 'waiting', reason: 'away' }, silent).detail, 'The publisher has stopped sending.');
    assert.equal(describe(zh, { name: 'stalled' }, silent).detail, '推流者已停止发送。');
    assert.equal(describe(zh, waiting, { source: 'camera in use by obs, zoom' }).detail, '摄像头正被 obs, zoom 使用。');
    assert.equal(describe(zh, waiting, { source: 'something new' }).detail, 'something new。');
    assert.equal(describe(en, { name: 'playing' }, { source: 'camera unplugged' }).detail, '');
  });
  test('a diagnosis is told in the reader’s language', () => {
    const state = { name: 'reconnecting', reason: 'path', detail: 'No UDP arrived from 192.0.2.1.', code: 'udp_blocked' };
    assert.equal(describe(en, state).detail, 'No UDP arrived from 192.0.2.1.');
    assert.match(describe(words(['zh']), state).detail, /UDP/);
    assert.equal(describe(words(['zh']), { ...state, code: 'new_cause' }).detail, 'No UDP arrived from 192.0.2.1.');
  });
  test('every cause of a failed connection that the server knows has Chinese words', () => {
    const source = readFileSync(new URL('../../internal/diagnosis/diagnosis.go', import.meta.url), 'utf8');
    const codes = [...source.matchAll(/^\s+\w+\s+Code = "(\w+)"/gm)].map(([, code]) => code);
    assert.ok(codes.length > 20);
    // What a viewer's player never shows: it goes well, or a publisher is meant.
    const others = /^(ok|connecting|ended|no_media|media_stopped|slow_\w+|client_left)$/;
    const silent = codes.filter((code) => !others.test(code) && !inChinese[code]);
    assert.deepEqual(silent, []);
  });
  test('a diagnosis keeps its numbers in Chinese', () => {
    const sentence = 'the publisher sends payload type 97 (450 packets, dropped), but the answer agreed on 96 (H264) and 111 (opus); let it send';
    const chinese = diagnosisInChinese('wrong_payload_type', sentence);
    assert.match(chinese ?? '', /97.+450.+96 \(H264\) 和 111 \(opus\)/);
    assert.doesNotMatch(chinese ?? '', /[a-z]{5}/);
    assert.equal(diagnosisInChinese('udp_blocked', 'whatever'), inChinese.udp_blocked);
    assert.equal(diagnosisInChinese('new_cause', 'whatever'), undefined);
  });
  test('the countdown ends at one, and a stream that has not started has none', () => {
    assert.equal(countdown(en, { name: 'reconnecting', retryAt: 10_000 }, 7_100), 'Reconnecting in 3 s');
    assert.equal(countdown(en, { name: 'reconnecting', retryAt: 10_000 }, 10_400), 'Reconnecting in 1 s');
    assert.equal(countdown(en, { name: 'full', retryAt: 10_000 }, 8_500), 'Next attempt in 2 s');
    assert.equal(countdown(en, { name: 'waiting', retryAt: 10_000 }, 9_000), '');
    assert.equal(countdown(en, { name: 'reconnecting' }, 9_000), '');
  });
});

group('watchdog', () => {
  test('tells a stall from a freeze, and goes quiet with the next picture', () => {
    const dog = new Watchdog(0);
    assert.equal(dog.observe(1, 1000), 'flowing');
    assert.equal(dog.observe(1, 1000 + STALLED_AFTER - 1), 'flowing');
    assert.equal(dog.observe(1, 1000 + STALLED_AFTER), 'stalled');
    assert.equal(dog.observe(2, 6000), 'flowing');
    assert.equal(dog.observe(2, 6000 + FROZEN_AFTER), 'frozen');
  });
  test('a session that never shows a picture freezes too', () => {
    const dog = new Watchdog(0);
    assert.equal(dog.observe(0, FROZEN_AFTER), 'frozen');
  });
  test('a tab that comes back gets a moment, not more than it had', () => {
    const dog = new Watchdog(0);
    dog.forgive(60_000);
    assert.equal(dog.observe(0, 61_000), 'stalled');
    assert.equal(dog.observe(0, 62_000), 'frozen');
    const fresh = new Watchdog(60_000);
    fresh.forgive(60_500);
    assert.equal(fresh.observe(0, 61_000), 'flowing');
  });
});

group('server-sent events', () => {
  test('come whole, however they were cut', () => {
    const text = ': hello\r\n\r\nevent: streams\ndata: {"a":\ndata: 1}\n\ndata:x\r\r\nid: 7\n\nevent: streams\r\ndata: é\r\n\r\n';
    const want = [
      { type: 'streams', data: '{"a":\n1}' },
      { type: 'message', data: 'x' },
      { type: 'streams', data: 'é' },
    ];
    for (let size = 1; size <= text.length; size++) {
      const parser = new EventParser();
      const events = [];
      for (let i = 0; i < text.length; i += size) events.push(...parser.push(text.slice(i, i + size)));
      assert.deepEqual(events, want, `pieces of ${size}`);
    }
  });
  test('half an event is none yet', () => {
    const parser = new EventParser();
    assert.deepEqual(parser.push('data: 1\n'), []);
    assert.deepEqual(parser.push('\n'), [{ type: 'message', data: '1' }]);
  });
});

group('SDP', () => {
  const offer = [
    'v=0', 'm=audio 9 UDP/TLS/RTP/SAVPF 111 0', 'a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10;useinbandfec=1',
    'm=video 9 UDP/TLS/RTP/SAVPF 108 109 96', 'a=rtpmap:108 H264/90000', 'a=fmtp:108 packetization-mode=1',
    'a=rtpmap:109 rtx/90000', 'a=fmtp:109 apt=108', 'a=rtpmap:96 VP8/90000', '',
  ].join('\r\n');
  test('stereo is asked for once', () => {
    const stereo = withStereo(offer);
    assert.match(stereo, /^a=fmtp:111 stereo=1;minptime=10;useinbandfec=1\r$/m);
    assert.equal(withStereo(stereo), stereo);
    assert.match(withStereo(offer.replace('useinbandfec', 'sprop-stereo')), /stereo=1;minptime/);
  });
  test('an offer without Opus stays as it is', () => {
    assert.equal(withStereo('v=0\r\nm=video 9 x 96\r\n'), 'v=0\r\nm=video 9 x 96\r\n');
  });
  test('the start bitrate goes to every video codec and to nothing else', () => {
    const sdp = withStartBitrate(offer, 1_500_400);
    assert.match(sdp, /^a=fmtp:108 packetization-mode=1;x-google-start-bitrate=1500\r$/m);
    assert.match(sdp, /^a=rtpmap:96 VP8\/90000\r\na=fmtp:96 x-google-start-bitrate=1500\r$/m);
    assert.match(sdp, /^a=fmtp:109 apt=108\r$/m);
    assert.equal(sdp.match(/x-google/g).length, 2);
    assert.ok(!/[^\r]\n/.test(sdp), 'every line ends with CRLF');
  });
});

group('codecs to send', () => {
  const h264 = (fmtp) => ({ mimeType: 'video/H264', sdpFmtpLine: fmtp });
  const codecs = [
    { mimeType: 'video/VP8' }, { mimeType: 'video/rtx' },
    h264('packetization-mode=0;profile-level-id=42e01f'), h264('packetization-mode=1;profile-level-id=64001f'),
    h264('packetization-mode=1;profile-level-id=42e01f'), { mimeType: 'video/AV1' }, { mimeType: 'video/ulpfec' },
  ];
  test('H.264 is named first and helpers are not named', () => {
    assert.deepEqual(codecNames(codecs), ['H264', 'VP8', 'AV1']);
    assert.deepEqual(codecNames([{ mimeType: 'video/VP9' }]), ['VP9']);
  });
  test('the chosen codec leads in its most compatible form, and all others stay', () => {
    const order = preferred(codecs, 'H264');
    assert.equal(order[0], codecs[4]);
    assert.equal(order.length, codecs.length);
    assert.equal(preferred(codecs, 'AV1')[0], codecs[5]);
  });
});

test('numbers are written as people read them', () => {
  assert.equal(bitrate(999_400), '999 kbit/s');
  assert.equal(bitrate(2_549_847), '2.5 Mbit/s');
  assert.equal(duration(59_000), 'less than a minute');
  assert.equal(duration(60 * 60_000), '1 h');
  assert.equal(duration(26.5 * 3_600_000), '1 d 2 h');
  assert.equal(watching(1), '1 watching');
  assert.equal(watching(0), '0 watching');
  assert.equal(media([
    { kind: 'audio', codec: 'opus' },
    { kind: 'video', codec: 'H264', width: 1280, height: 720, fps: 29.97 },
  ]), '1280 × 720 · 30 fps · H.264 · Opus');
  assert.equal(media([{ kind: 'video', codec: 'VP8' }]), 'VP8');
  assert.equal(media([
    { kind: 'video', codec: 'H264', width: 640, height: 360 },
    { kind: 'video', codec: 'H264', width: 1280, height: 720 },
    { kind: 'video', codec: 'H264', width: 320, height: 180 },
  ]), '1280 × 720 · 3 sizes · H.264');
  assert.equal(clock(62_000), '1:02');
  assert.equal(clock(3_723_400), '1:02:03');
});
