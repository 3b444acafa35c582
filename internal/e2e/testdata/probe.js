// Runs in every page before its own scripts: remembers the page's peer
// connections, and reads the clock of the test pattern out of decoded pictures.
(() => {
  const probe = { connections: [], pictures: [], invalid: 0 };
  window.__probe = probe;

  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(...args) {
      super(...args);
      probe.connections.push(this);
    }
  };

  // video finds the page's video, also inside a web component.
  probe.video = (root = document) => {
    const own = root.querySelector("video");
    if (own) return own;
    for (const element of root.querySelectorAll("*")) {
      const inner = element.shadowRoot && probe.video(element.shadowRoot);
      if (inner) return inner;
    }
    return null;
  };

  // readClock reads the 72 bits in the top two rows of blocks; null when the
  // checksum says that this is no clock.
  const canvas = document.createElement("canvas");
  probe.readClock = (video) => {
    const width = video.videoWidth;
    const block = Math.floor(width / 40);
    const height = block + (block % 2);
    canvas.width = width;
    canvas.height = 2 * height;
    const context = canvas.getContext("2d", { willReadFrequently: true });
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
    if (sum !== (bits & 0xffn)) return null;
    return { capturedMs: Number(stamp >> 12n) / 1000, number: Number(stamp & 0xfffn) };
  };

  // observe looks at every picture that is shown, until stopped. What counts
  // as a picture: any, or only those of the test pattern.
  probe.observe = (pattern) => {
    const video = probe.video();
    if (!video) throw new Error("the page has no video");
    const look = (now, frame) => {
      const shownMs = performance.timeOrigin + performance.now();
      const receivedMs = performance.timeOrigin + (frame.receiveTime ?? NaN);
      if (!pattern) {
        probe.pictures.push({ shownMs, receivedMs });
      } else {
        const clock = probe.readClock(video);
        if (clock) probe.pictures.push({ shownMs, receivedMs, ...clock });
        else probe.invalid++;
      }
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  };

  // inbound returns what the page's connections have received of a kind.
  probe.inbound = async (kind) => {
    const found = [];
    for (const connection of probe.connections) {
      for (const stats of (await connection.getStats()).values()) {
        if (stats.type === "inbound-rtp" && stats.kind === kind) found.push(stats);
      }
    }
    return found;
  };
})();
