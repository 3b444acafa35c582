// @ts-check
// Small edits of an offer. Pure.

/**
 * Asks for stereo: without stereo=1 in the receiver's own offer Chrome decodes Opus
 * to one channel, whatever is sent (RFC 7587, section 6.1).
 * @param {string} sdp
 */
export function withStereo(sdp) {
  const opus = /^a=rtpmap:(\d+) opus\/48000\/2\s*$/im.exec(sdp);
  if (!opus) return sdp;
  return sdp.replace(new RegExp(`^(a=fmtp:${opus[1]} )(.*)$`, 'm'), (line, start, rest) =>
    /\bstereo=/.test(rest.replace(/\bsprop-stereo=/g, '')) ? line : `${start}stereo=1;${rest}`);
}
