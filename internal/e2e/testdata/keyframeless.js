// Runs before the publish page's own scripts: its browser sends no keyframe but the first,
// whoever asks, as encoders with intra refresh do.
(() => {
  const Real = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Real {
    constructor(options) {
      super({ ...options, encodedInsertableStreams: true });
    }

    addTransceiver(...args) {
      const transceiver = super.addTransceiver(...args);
      const { readable, writable } = transceiver.sender.createEncodedStreams();
      let keyframes = 0;
      readable.pipeThrough(new TransformStream({
        transform(frame, controller) {
          if (frame.type !== "key" || keyframes++ === 0) controller.enqueue(frame);
        },
      })).pipeTo(writable).catch(() => {}); // the connection has ended
      return transceiver;
    }
  };
})();
