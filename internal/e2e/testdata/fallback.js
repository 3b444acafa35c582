// Breaks every session in which this page offers: with a wrong password no check is
// answered. What the player of the page does then is the test's question.
async (endpoint) => {
  const apply = RTCPeerConnection.prototype.setRemoteDescription;
  window.__offered = 0;
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    if (description.type !== "answer") return apply.call(this, description);
    window.__offered += 1;
    const sdp = description.sdp.replace(/^a=ice-pwd:.*$/gm, "a=ice-pwd:not-the-one-that-the-server-has");
    return apply.call(this, { type: "answer", sdp });
  };
  await import("/static/whep-video.js");
  const player = document.createElement("whep-video");
  player.setAttribute("muted", "");
  player.setAttribute("autoplay", "");
  player.setAttribute("src", endpoint);
  document.body.append(player);
  window.__player = player;
}
