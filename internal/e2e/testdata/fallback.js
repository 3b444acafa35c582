// Breaks every session in which this page offers: with a wrong password no check is
// answered. What the player of the page does then is the test's question.
async (endpoint) => {
  const apply = RTCPeerConnection.prototype.setRemoteDescription;
  const offered = new Set(); // connections; one may restart ICE
  Object.defineProperty(window, "__offered", { get: () => offered.size });
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    if (description.type !== "answer") return apply.call(this, description);
    offered.add(this);
    const sdp = description.sdp.replace(/^a=ice-pwd:.*$/gm, "a=ice-pwd:not-the-one-that-the-server-has");
    return apply.call(this, { type: "answer", sdp });
  };
  await import("/static/whep-video.js");
  const player = document.createElement("whep-video");
  player.setAttribute("muted", "");
  player.setAttribute("autoplay", "");
  player.setAttribute("src", endpoint);
  window.__said = [];
  player.addEventListener("error", ({ detail }) => window.__said.push(`${detail.text} ${detail.detail}`));
  document.body.append(player);
  window.__player = player;
}
