// Runs in the page before its own scripts: remembers the page's connections, reads their statistics, and looks at every
// picture that is shown: when, how high, and, in the test pattern, when it was drawn.
(() => {
  const bench = { pictures: [], words: [], states: [], connections: [] };
  window.__bench = bench;
  const clock = () => performance.timeOrigin + performance.now();

  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(...args) {
      super(...args);
      bench.connections.push({ connection: this, video: {}, audio: {} });
    }
  };

  // read returns when the picture was drawn, from its clock: 72 bits as blocks in the two top rows; null without one.
  const canvas = document.createElement('canvas');
  const read = (video) => {
    const width = video.videoWidth;
    const block = Math.floor(width / 40);
    if (!block) return null;
    const height = block + (block % 2);
    canvas.width = width;
    canvas.height = 2 * height;
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.drawImage(video, 0, 0, width, 2 * height, 0, 0, width, 2 * height);
    const { data } = context.getImageData(0, 0, width, 2 * height);
    let bits = 0n;
    for (let row = 0; row < 2; row++) {
      for (let column = 0; column < 36; column++) {
        const x = column * block + (block >> 1);
        const y = row * height + (height >> 1);
        bits = (bits << 1n) | (data[4 * (y * width + x) + 1] >= 128 ? 1n : 0n);
      }
    }
    const stamp = bits >> 8n;
    let sum = 0xa5n;
    for (let shift = 0n; shift < 64n; shift += 8n) sum ^= (stamp >> shift) & 0xffn;
    return sum === (bits & 0xffn) ? Number(stamp >> 12n) / 1000 : null;
  };

  // The clock costs a copy, and is read ten times a second at most.
  let readAt = 0;
  let seen;
  const look = (_, frame) => {
    const shown = performance.timeOrigin + frame.expectedDisplayTime;
    let drawn = null;
    if (shown - readAt > 90) {
      readAt = shown;
      drawn = read(seen);
    }
    // Before the first picture, Chromium shows one of 2 by 2 pixels.
    if (frame.height > 2) bench.pictures.push({ shown, drawn, height: frame.height });
    seen.requestVideoFrameCallback(look);
  };

  const player = () => document.querySelector('whep-video');
  const note = (list, text) => {
    if (text && list.at(-1)?.text !== text) list.push({ at: clock(), text });
  };

  // follow notes what the page says, and finds its video.
  const follow = () => {
    const element = player();
    const video = element?.video;
    if (video && video !== seen) {
      seen = video;
      video.requestVideoFrameCallback(look);
    }
    note(bench.states, element?.state?.name);
    const text = [...(element?.shadowRoot?.querySelectorAll('[part]') ?? [])].map((part) => part.innerText ?? '').join('\n');
    note(bench.words, text.split('\n').find((line) => /[MKk]bit/.test(line) && /connection/i.test(line)));
  };
  setInterval(follow, 250);

  const fields = [
    'framesDecoded', 'framesDropped', 'freezeCount', 'totalFreezesDuration', 'packetsReceived', 'packetsLost', 'nackCount', 'pliCount',
    'bytesReceived', 'concealedSamples', 'silentConcealedSamples', 'concealmentEvents', 'totalSamplesReceived',
  ];

  // sample sums up over all connections that the page has had.
  bench.sample = async () => {
    for (const known of bench.connections) {
      if (known.connection.signalingState === 'closed' && known.read) continue;
      for (const entry of (await known.connection.getStats()).values()) {
        if (entry.type === 'inbound-rtp') Object.assign(known[entry.kind], entry);
      }
      known.read = true;
    }
    const total = { at: clock(), connections: bench.connections.length, video: {}, audio: {} };
    for (const kind of ['video', 'audio']) {
      for (const field of fields) total[kind][field] = bench.connections.reduce((sum, known) => sum + (known[kind][field] ?? 0), 0);
    }
    return total;
  };
  // A connection that is closed keeps what it said last.
  setInterval(() => bench.sample().catch(() => {}), 500);

  bench.report = () => ({ pictures: bench.pictures, states: bench.states, words: bench.words });
})();
