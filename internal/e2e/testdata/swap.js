// A WHEP client that asks for an offer in the place of an answer, as another site may
// write one. It shows what it gets.
async (endpoint) => {
  const connection = new RTCPeerConnection();
  const stream = new MediaStream();
  connection.ontrack = ({ track }) => stream.addTrack(track);

  const gathered = () =>
    new Promise((resolve) => {
      const done = () => connection.iceGatheringState === "complete" && resolve();
      connection.onicegatheringstatechange = done;
      done();
    });

  const response = await fetch(endpoint, { method: "POST", headers: { Prefer: "counter-offer" } });
  if (response.status !== 406) throw new Error(`${response.status}: ${await response.text()}`);
  const session = new URL(response.headers.get("Location"), endpoint);
  await connection.setRemoteDescription({ type: "offer", sdp: await response.text() });
  await connection.setLocalDescription();
  await gathered();
  const patched = await fetch(session, {
    method: "PATCH",
    headers: { "Content-Type": "application/sdp" },
    body: connection.localDescription.sdp,
  });
  if (patched.status !== 204) throw new Error(`${patched.status}: ${await patched.text()}`);

  const video = document.body.appendChild(document.createElement("video"));
  video.muted = true;
  video.srcObject = stream;
  video.play();
  window.__swapped = video;
  Object.assign(window, { __connection: connection, __session: session });
}
