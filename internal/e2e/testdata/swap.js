// A WHEP client that asks for an offer in the place of an answer, and restarts ICE
// when it is told to, as another site may write one. It shows what it gets.
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
  const ice = /^a=(ice-ufrag|ice-pwd|candidate|end-of-candidates)/;
  const linesOf = (sdp) => sdp.split("\r\n").filter((line) => line !== "");

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

  window.__restart = async () => {
    connection.restartIce();
    await connection.setLocalDescription();
    await gathered();
    const local = linesOf(connection.localDescription.sdp);
    const section = local.findIndex((line) => line.startsWith("m="));
    const tail = local.slice(section);
    const end = tail.findIndex((line, i) => i > 0 && line.startsWith("m="));
    const first = end < 0 ? tail : tail.slice(0, end);
    const fragment = first.filter((line) => ice.test(line) || /^(m=|a=mid)/.test(line));
    const restarted = await fetch(session, {
      method: "PATCH",
      headers: { "Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*" },
      body: fragment.join("\r\n") + "\r\n",
    });
    if (restarted.status !== 200) throw new Error(`${restarted.status}: ${await restarted.text()}`);
    const theirs = linesOf(await restarted.text()).filter((line) => ice.test(line));
    // The server's description as it was, with the new session in place of the old.
    const sdp = [];
    for (const line of linesOf(connection.currentRemoteDescription.sdp)) {
      if (ice.test(line)) continue;
      if (/^a=setup:/.test(line)) {
        sdp.push("a=setup:passive");
        continue;
      }
      sdp.push(/^a=sendonly/.test(line) ? "a=sendonly" : line);
      if (line.startsWith("a=mid:")) sdp.push(...theirs);
    }
    await connection.setRemoteDescription({ type: "answer", sdp: sdp.join("\r\n") + "\r\n" });
    return restarted.headers.get("ETag");
  };
}
