// A WHIP client (RFC 9725) as another site may write one: sends the camera and
// the microphone, the video in one codec, and remembers how to end it. With encodings
// (RTCRtpEncodingParameters) the video is simulcast, small and slow, so that a busy
// machine encodes all of it.
async (endpoint, mimeType, encodings) => {
  const media = await navigator.mediaDevices.getUserMedia({
    video: encodings ? { width: 480, height: 270, frameRate: 10 } : { width: 640, height: 480, frameRate: 30 },
    audio: true,
  });
  const connection = new RTCPeerConnection();
  for (const track of media.getTracks()) {
    const transceiver = connection.addTransceiver(track, {
      direction: "sendonly",
      streams: [media],
      ...(encodings && track.kind === "video" ? { sendEncodings: encodings } : {}),
    });
    if (track.kind === "video") {
      const { codecs } = RTCRtpSender.getCapabilities("video");
      transceiver.setCodecPreferences(codecs.filter((codec) => codec.mimeType === mimeType));
    }
  }
  await connection.setLocalDescription();
  await new Promise((resolve) => {
    const done = () => connection.iceGatheringState === "complete" && resolve();
    connection.onicegatheringstatechange = done;
    done();
  });
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { "Content-Type": "application/sdp" },
    body: connection.localDescription.sdp,
  });
  if (response.status !== 201) throw new Error(`${response.status}: ${await response.text()}`);
  await connection.setRemoteDescription({ type: "answer", sdp: await response.text() });
  const session = new URL(response.headers.get("Location"), endpoint);
  Object.assign(window, { __connection: connection, __session: session });
  window.__stopPublishing = async () => {
    const { status } = await fetch(session, { method: "DELETE" });
    connection.close();
    for (const track of media.getTracks()) track.stop();
    return status;
  };
}
