// @ts-check
// Numbers out of an RTCStatsReport that people and the watchdog understand. Pure.

/**
 * @typedef {object} PlaybackStats
 * @property {number} time ms since the epoch
 * @property {number} width of the picture, pixels; 0 before the first
 * @property {number} height
 * @property {number} framesPerSecond decoded in the last interval
 * @property {number} framesDecoded since the session began
 * @property {number} framesDropped
 * @property {boolean} hasSound whether any came since the session began: a track may be silent
 * @property {number} packetsReceived audio and video
 * @property {number} packetsLost
 * @property {number | undefined} loss fraction of the packets of the last ten seconds, 0 to 1
 * @property {number} bitrate received in the last interval, bit/s
 * @property {number | undefined} bufferDelay ms that pictures waited in the jitter buffer
 *   in the last interval
 * @property {number | undefined} soundDelay the same of sound
 * @property {number | undefined} roundTripTime ms
 * @property {string} codec of the video, 'H264'; '' before it is known
 * @property {string} audioCodec of the sound, 'opus'; '' before it is known
 * @property {number} audioBitrate received in the last interval, bit/s
 * @property {number} freezes since the session began, where the browser counts them
 * @property {number} frozen how long they were in all, seconds
 * @property {string} path 'udp', 'tcp' or 'relay'; '' before there is one
 */

/**
 * @typedef {object} SendingStats
 * @property {number} time ms since the epoch
 * @property {number} width of the encoded picture
 * @property {number} height
 * @property {number} framesPerSecond
 * @property {number} bitrate sent in the last interval, audio and video, bit/s
 * @property {number | undefined} roundTripTime ms
 * @property {number | undefined} loss fraction of packets that the server missed, 0 to 1
 * @property {string} limitedBy 'none', 'cpu', 'bandwidth' or 'other'
 * @property {string} codec
 * @property {string} path 'udp', 'tcp' or 'relay'; '' before there is one
 */

/** @typedef {Record<string, any>} Entry of a stats report; browsers differ in what it has */

/**
 * @param {Iterable<[string, Entry]>} report
 * @param {string} type
 * @returns {Entry[]}
 */
function entries(report, type) {
  return [...report].map(([, entry]) => entry).filter((entry) => entry.type === type);
}

/** @param {Entry[]} list @param {string} field */
const sum = (list, field) => list.reduce((total, entry) => total + (entry[field] ?? 0), 0);

/**
 * @param {number} now @param {number} before @param {number} ms
 * @returns {number} the growth per second, 0 without a past
 */
const perSecond = (now, before, ms) => (ms > 0 ? Math.max(0, ((now - before) * 1000) / ms) : 0);

/**
 * When a report was made. A busy page gets it late, and rates would jump.
 * @param {Entry[]} list @param {number} time when it was read
 * @returns {number} ms, of a clock that only differences are taken of
 */
const takenAt = (list, time) => list[0]?.timestamp ?? time;

/** Over so many readings losses are counted: one interval has few packets. */
const LOSS_READINGS = 10;

/** Keeps the last reading, because rates need two. One per session. */
export class PlaybackMeter {
  #last = { time: 0, bytes: 0, sound: 0, frames: 0 };
  /** @type {Map<string, { delay: number, emitted: number }>} by kind */
  #buffers = new Map();
  /** @type {{ lost: number, received: number }[]} */
  #packets = [];

  /**
   * @param {Iterable<[string, Entry]>} report
   * @param {number} time ms since the epoch
   * @returns {PlaybackStats}
   */
  read(report, time) {
    const inbound = entries(report, 'inbound-rtp');
    const video = inbound.find((entry) => entry.kind === 'video') ?? {};
    const audio = inbound.find((entry) => entry.kind === 'audio') ?? {};
    const last = this.#last;
    const at = takenAt(inbound, time);
    const elapsed = last.time ? at - last.time : 0;
    const next = {
      time: at,
      bytes: sum(inbound, 'bytesReceived'),
      sound: audio.bytesReceived ?? 0,
      frames: video.framesDecoded ?? 0,
    };
    this.#last = next;
    const packets = { lost: sum(inbound, 'packetsLost'), received: sum(inbound, 'packetsReceived') };
    return {
      time,
      width: video.frameWidth ?? 0,
      height: video.frameHeight ?? 0,
      framesPerSecond: perSecond(next.frames, last.frames, elapsed),
      framesDecoded: next.frames,
      framesDropped: video.framesDropped ?? 0,
      hasSound: sum(inbound.filter((entry) => entry.kind === 'audio'), 'packetsReceived') > 0,
      packetsReceived: packets.received,
      packetsLost: packets.lost,
      loss: this.#loss(packets),
      bitrate: perSecond(next.bytes, last.bytes, elapsed) * 8,
      bufferDelay: this.#waited(inbound, 'video'),
      soundDelay: this.#waited(inbound, 'audio'),
      codec: codecName(report, video),
      audioCodec: codecName(report, audio),
      audioBitrate: perSecond(next.sound, last.sound, elapsed) * 8,
      freezes: video.freezeCount ?? 0,
      frozen: video.totalFreezesDuration ?? 0,
      ...pathOf(report),
    };
  }

  /** @param {{ lost: number, received: number }} packets of the session */
  #loss(packets) {
    this.#packets.push(packets);
    if (this.#packets.length > LOSS_READINGS) this.#packets.shift();
    // A packet that comes late after all is taken back from the lost ones.
    const lost = Math.max(0, packets.lost - this.#packets[0].lost);
    const all = lost + packets.received - this.#packets[0].received;
    return all > 0 ? lost / all : undefined;
  }

  /** @param {Entry[]} inbound @param {string} kind @returns {number | undefined} ms */
  #waited(inbound, kind) {
    const { jitterBufferDelay: delay = 0, jitterBufferEmittedCount: emitted = 0 } = inbound.find((entry) => entry.kind === kind) ?? {};
    const before = this.#buffers.get(kind) ?? { delay: 0, emitted: 0 };
    this.#buffers.set(kind, { delay, emitted });
    return emitted > before.emitted ? ((delay - before.delay) * 1000) / (emitted - before.emitted) : undefined;
  }
}

/** As PlaybackMeter, for a session that sends. */
export class SendingMeter {
  #last = { time: 0, bytes: 0, frames: 0 };

  /**
   * @param {Iterable<[string, Entry]>} report
   * @param {number} time ms since the epoch
   * @returns {SendingStats}
   */
  read(report, time) {
    const outbound = entries(report, 'outbound-rtp');
    const video = outbound.find((entry) => entry.kind === 'video') ?? {};
    const seen = entries(report, 'remote-inbound-rtp').find((entry) => entry.kind === 'video');
    const last = this.#last;
    const at = takenAt(outbound, time);
    const elapsed = last.time ? at - last.time : 0;
    const next = { time: at, bytes: sum(outbound, 'bytesSent'), frames: video.framesEncoded ?? 0 };
    this.#last = next;
    return {
      time,
      width: video.frameWidth ?? 0,
      height: video.frameHeight ?? 0,
      framesPerSecond: perSecond(next.frames, last.frames, elapsed),
      bitrate: perSecond(next.bytes, last.bytes, elapsed) * 8,
      loss: seen?.fractionLost,
      limitedBy: video.qualityLimitationReason ?? 'none',
      codec: codecName(report, video),
      ...pathOf(report),
    };
  }
}

/** @param {Iterable<[string, Entry]>} report @param {Entry} rtp */
function codecName(report, rtp) {
  const codec = entries(report, 'codec').find((entry) => entry.id === rtp.codecId);
  return (codec?.mimeType ?? '').replace(/^\w+\//, '');
}

/** @param {Iterable<[string, Entry]>} report */
function pathOf(report) {
  const transport = entries(report, 'transport').find((entry) => entry.selectedCandidatePairId);
  const pairs = entries(report, 'candidate-pair');
  const pair = pairs.find((entry) => entry.id === transport?.selectedCandidatePairId) ??
    pairs.find((entry) => entry.nominated && entry.state === 'succeeded');
  const local = entries(report, 'local-candidate').find((entry) => entry.id === pair?.localCandidateId);
  const time = pair?.currentRoundTripTime;
  return {
    path: local?.candidateType === 'relay' ? 'relay' : (local?.protocol ?? ''),
    roundTripTime: time === undefined ? undefined : time * 1000,
  };
}
