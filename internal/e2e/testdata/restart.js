// Restarts ICE of a WHIP or WHEP session by a PATCH (RFC 9725 section 4.3.3), and
// returns the tag of the new ICE session.
async (connection, session) => {
  const ice = /^a=(ice-ufrag|ice-pwd|candidate|end-of-candidates)/;
  const linesOf = (sdp) => sdp.split("\r\n").filter((line) => line !== "");

  connection.restartIce();
  await connection.setLocalDescription();
  await new Promise((resolve) => {
    const done = () => connection.iceGatheringState === "complete" && resolve();
    connection.onicegatheringstatechange = done;
    done();
  });
  // The first section has the transport of all.
  const [, first] = connection.localDescription.sdp.split(/(?=^m=)/m);
  const fragment = linesOf(first).filter((line) => ice.test(line) || /^(m=|a=mid)/.test(line));
  const response = await fetch(session, {
    method: "PATCH",
    headers: { "Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*" },
    body: fragment.join("\r\n") + "\r\n",
  });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  const theirs = linesOf(await response.text()).filter((line) => ice.test(line));
  // The server's description as it was, with the new ICE session in place of the old.
  const sdp = [];
  for (const line of linesOf(connection.currentRemoteDescription.sdp)) {
    if (ice.test(line)) continue;
    sdp.push(line.replace("a=setup:actpass", "a=setup:passive")); // what an offer left open is settled
    if (line.startsWith("a=mid:")) sdp.push(...theirs);
  }
  await connection.setRemoteDescription({ type: "answer", sdp: sdp.join("\r\n") + "\r\n" });
  return response.headers.get("ETag");
}
