// Publishes a moving picture in two sizes at once, as a browser's WHIP client with
// simulcast does. The connection is kept in the window.
async (endpoint) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 360 });
  const context = canvas.getContext("2d");
  let turn = 0;
  setInterval(() => {
    turn += 1;
    context.fillStyle = `hsl(${(turn * 3) % 360} 70% 45%)`;
    context.fillRect(0, 0, 640, 360);
    context.fillStyle = "white";
    context.fillRect((turn * 7) % 640, 100, 60, 160);
  }, 100);
  const connection = new RTCPeerConnection();
  window.__simulcast = connection;
  const transceiver = connection.addTransceiver(canvas.captureStream(10).getVideoTracks()[0], {
    direction: "sendonly",
    sendEncodings: [{ rid: "low", scaleResolutionDownBy: 2, maxBitrate: 100_000 }, { rid: "high", maxBitrate: 400_000 }],
  });
  transceiver.setCodecPreferences(RTCRtpSender.getCapabilities("video").codecs.filter(({ mimeType }) => /VP8|rtx/i.test(mimeType)));
  await connection.setLocalDescription();
  await new Promise((done) => {
    const look = () => connection.iceGatheringState === "complete" && done();
    connection.addEventListener("icegatheringstatechange", look);
    look();
  });
  const response = await fetch(endpoint, {
    method: "POST", headers: { "Content-Type": "application/sdp" }, body: connection.localDescription.sdp,
  });
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
  await connection.setRemoteDescription({ type: "answer", sdp: await response.text() });
}
