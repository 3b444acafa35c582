// @ts-check
// Small edits of offers and answers, for what no API can say. Pure.

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

/**
 * Tells Chrome's bandwidth estimator where to begin: from its own 300 kbit/s it takes
 * a quarter of a minute to reach 720p, also on a network that carries it at once.
 * Other browsers ignore the parameter. It is meant for the answer as it is applied;
 * the server never sees it.
 * @param {string} sdp
 * @param {number} bitrate bit/s
 */
export function withStartBitrate(sdp, bitrate) {
  const parameter = `x-google-start-bitrate=${Math.round(bitrate / 1000)}`;
  const sections = sdp.split(/^(?=m=)/m);
  return sections.map((section) => {
    if (!section.startsWith('m=video')) return section;
    const repair = new Set([...section.matchAll(/^a=rtpmap:(\d+) (?:rtx|red|ulpfec|flexfec-03)\//gim)].map(([, type]) => type));
    const types = [...section.matchAll(/^a=rtpmap:(\d+) .*$/gm)].map(([, type]) => type).filter((type) => !repair.has(type));
    return types.reduce((text, type) => withParameter(text, type, parameter), section);
  }).join('');
}

/**
 * @param {string} section of an SDP
 * @param {string} type payload type
 * @param {string} parameter
 */
function withParameter(section, type, parameter) {
  const line = new RegExp(`^(a=fmtp:${type} .*?)(\\r?)$`, 'm');
  if (line.test(section)) return section.replace(line, `$1;${parameter}$2`);
  return section.replace(new RegExp(`^(a=rtpmap:${type} .*?)(\\r?)$`, 'm'), `$1$2\na=fmtp:${type} ${parameter}$2`);
}
