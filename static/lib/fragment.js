// @ts-check
// ICE restarts as WHIP and WHEP write them: application/trickle-ice-sdpfrag (RFC 8840,
// section 9; RFC 9725, section 4.3.3). Pure.

/** Lines of a description that belong to one ICE session and end with it. */
const ofSession = /^a=(?:ice-ufrag|ice-pwd|candidate|end-of-candidates)\b/;

/** @param {string} sdp */
const linesOf = (sdp) => sdp.split(/\r?\n/).filter((line) => line !== '');

/**
 * The fragment that asks for a restart: the credentials of a new offer and the
 * candidates of its first section, which all others are bundled with.
 * @param {string} offer with its candidates
 * @returns {string} '' when the offer has no credentials
 */
export function restartFragment(offer) {
  const lines = linesOf(offer);
  const ufrag = lines.find((line) => line.startsWith('a=ice-ufrag:'));
  const pwd = lines.find((line) => line.startsWith('a=ice-pwd:'));
  const section = lines.findIndex((line) => line.startsWith('m='));
  if (!ufrag || !pwd || section < 0) return '';
  const next = lines.findIndex((line, index) => index > section && line.startsWith('m='));
  const media = lines.slice(section, next < 0 ? undefined : next);
  return [
    ufrag,
    pwd,
    ...lines.filter((line) => line.startsWith('a=group:BUNDLE')),
    media[0],
    ...media.filter((line) => line.startsWith('a=mid:')),
    ...media.filter((line) => line.startsWith('a=candidate:')),
    'a=end-of-candidates',
    '',
  ].join('\r\n');
}

/**
 * The server's description as it is after a restart: what it said before, with the
 * credentials and candidates of its fragment.
 * @param {string} answer the description that the session has
 * @param {string} fragment the server's answer to restartFragment
 * @returns {string} '' when the fragment has no credentials
 */
export function withFragment(answer, fragment) {
  const said = linesOf(fragment);
  const ufrag = said.find((line) => line.startsWith('a=ice-ufrag:'));
  const pwd = said.find((line) => line.startsWith('a=ice-pwd:'));
  if (!ufrag || !pwd) return '';
  const candidates = said.filter((line) => line.startsWith('a=candidate:'));
  const [head, ...sections] = linesOf(answer).join('\r\n').split(/\r\n(?=m=)/);
  const renewed = sections.map((section, index) => {
    const kept = section.split('\r\n').filter((line) => !ofSession.test(line));
    // A refused section (port 0) has no transport of its own.
    if (/^m=\w+ 0 /.test(section)) return kept;
    const found = index === firstUsed(sections) ? [...candidates, 'a=end-of-candidates'] : [];
    return [...kept, ufrag, pwd, ...found];
  });
  const start = head.split('\r\n').filter((line) => !ofSession.test(line));
  return [...start, ...renewed.flat(), ''].join('\r\n');
}

/** @param {string[]} sections @returns {number} index of the one that carries the bundle */
function firstUsed(sections) {
  return sections.findIndex((section) => !/^m=\w+ 0 /.test(section));
}
