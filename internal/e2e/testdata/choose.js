// A WHEP client that chooses its layer, as another site may write one. It shows what
// it gets; __choose asks for the encoding of that rid, or for the server's choice.
async (endpoint) => {
  const connection = new RTCPeerConnection();
  const stream = new MediaStream();
  connection.ontrack = ({ track }) => stream.addTrack(track);
  connection.addTransceiver("video", { direction: "recvonly" });
  await connection.setLocalDescription();
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { "Content-Type": "application/sdp" },
    body: connection.localDescription.sdp,
  });
  if (response.status !== 201) throw new Error(`${response.status}: ${await response.text()}`);
  const link = /<([^>]*)>; rel="urn:ietf:params:whep:ext:core:layer"/.exec(response.headers.get("Link"));
  if (!link) throw new Error(`no layers in ${response.headers.get("Link")}`);
  const layer = new URL(link[1], endpoint);
  await connection.setRemoteDescription({ type: "answer", sdp: await response.text() });

  const video = document.body.appendChild(document.createElement("video"));
  video.muted = true;
  video.srcObject = stream;
  video.play();
  window.__video = video;
  window.__choose = async (rid) => {
    const { status } = await (rid
      ? fetch(layer, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ mediaId: "0", rid }),
        })
      : fetch(layer, { method: "DELETE" }));
    return status;
  };
  // The longest time between two pictures, in milliseconds, since it was last asked for.
  let last = performance.now();
  let longest = 0;
  const look = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  window.__longestPause = () => {
    const pause = longest;
    longest = 0;
    return pause;
  };
}
