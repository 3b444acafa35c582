import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PlaybackMeter, SendingMeter } from '../lib/stats.js';

const report = (...entries) => new Map(entries.map((entry, index) => [entry.id ?? String(index), { id: String(index), ...entry }]));

const path = [
  { type: 'transport', selectedCandidatePairId: 'P' },
  { type: 'candidate-pair', id: 'P', localCandidateId: 'L', currentRoundTripTime: 0.012 },
  { type: 'local-candidate', id: 'L', candidateType: 'host', protocol: 'udp' },
];

test('rates come from two readings', () => {
  const meter = new PlaybackMeter();
  const video = { type: 'inbound-rtp', kind: 'video', codecId: 'C', frameWidth: 1280, frameHeight: 720 };
  const codec = { type: 'codec', id: 'C', mimeType: 'video/H264' };
  const first = meter.read(report({ ...video, bytesReceived: 1000, framesDecoded: 10 }, codec, ...path), 1_000);
  assert.equal(first.bitrate, 0);
  assert.equal(first.framesPerSecond, 0);
  const second = meter.read(report(
    { ...video, bytesReceived: 251_000, framesDecoded: 70, packetsLost: 2, jitterBufferDelay: 1.2, jitterBufferEmittedCount: 60 },
    { type: 'inbound-rtp', kind: 'audio', bytesReceived: 50_000, packetsLost: 1, packetsReceived: 100 }, codec, ...path), 3_000);
  assert.equal(second.bitrate, 1_200_000);
  assert.equal(second.framesPerSecond, 30);
  assert.equal(second.bufferDelay, 20);
  assert.equal(second.packetsLost, 3);
  assert.equal(second.roundTripTime, 12);
  assert.deepEqual([second.width, second.height, second.codec, second.path], [1280, 720, 'H264', 'udp']);
});

test('a track of sound is silent until packets come', () => {
  const meter = new PlaybackMeter();
  const video = { type: 'inbound-rtp', kind: 'video', packetsReceived: 10 };
  const audio = { type: 'inbound-rtp', kind: 'audio', packetsReceived: 0 };
  assert.equal(meter.read(report(video), 1_000).hasSound, false);
  assert.equal(meter.read(report(video, audio), 2_000).hasSound, false);
  assert.equal(meter.read(report(video, { ...audio, packetsReceived: 1 }), 3_000).hasSound, true);
});

test('a report with nothing in it is no error', () => {
  const stats = new PlaybackMeter().read(report(), 1_000);
  assert.equal(stats.framesDecoded, 0);
  assert.equal(stats.roundTripTime, undefined);
  assert.equal(stats.path, '');
});

test('a browser without transport statistics is read by its nominated pair', () => {
  const stats = new PlaybackMeter().read(report(
    { type: 'candidate-pair', nominated: true, state: 'succeeded', localCandidateId: 'L', currentRoundTripTime: 0.5 },
    { type: 'local-candidate', id: 'L', candidateType: 'relay', protocol: 'udp' }), 1_000);
  assert.equal(stats.path, 'relay');
  assert.equal(stats.roundTripTime, 500);
});

test('sending tells what limits it and what was lost', () => {
  const meter = new SendingMeter();
  const video = { type: 'outbound-rtp', kind: 'video', frameWidth: 640, frameHeight: 360, qualityLimitationReason: 'cpu' };
  meter.read(report({ ...video, bytesSent: 0, framesEncoded: 0 }), 1_000);
  const stats = meter.read(report({ ...video, bytesSent: 100_000, framesEncoded: 30 },
    { type: 'remote-inbound-rtp', kind: 'video', fractionLost: 0.25 }), 2_000);
  assert.deepEqual([stats.bitrate, stats.framesPerSecond, stats.loss, stats.limitedBy], [800_000, 30, 0.25, 'cpu']);
});

test('a report that is read late does not make the rates jump', () => {
  const meter = new PlaybackMeter();
  const video = (timestamp, bytes, frames) => report({ type: 'inbound-rtp', kind: 'video', timestamp, bytesReceived: bytes, framesDecoded: frames });
  meter.read(video(10_000, 0, 0), 1_000);
  const late = meter.read(video(11_000, 125_000, 30), 3_900);
  assert.deepEqual([late.bitrate, late.framesPerSecond], [1_000_000, 30]);
  assert.equal(meter.read(video(12_000, 250_000, 60), 4_000).framesPerSecond, 30);
});

test('losses are those of the last ten seconds, and late packets are taken back', () => {
  const meter = new PlaybackMeter();
  const at = (second, lost, received) =>
    meter.read(report({ type: 'inbound-rtp', kind: 'video', packetsLost: lost, packetsReceived: received }), second * 1000).loss;
  assert.equal(at(1, 0, 0), undefined);
  assert.equal(at(2, 10, 90), 0.1);
  assert.equal(at(3, 5, 195), 0.025);
  for (let second = 4; second < 14; second += 1) at(second, 5, 100 * second);
  assert.equal(at(14, 5, 1400), 0);
});
