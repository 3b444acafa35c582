// @ts-check
// The Link header (RFC 8288, section 3), as far as WHIP and WHEP use it. Pure.

/**
 * @typedef {object} Link
 * @property {string} target as it stands between the angle brackets
 * @property {Map<string, string>} params by lower-case name; of a repeated one the first
 */

/**
 * Splits a Link header into its links. fetch() joins several header lines by commas,
 * and commas and semicolons may stand in targets and in quoted values, so this walks
 * the text instead of splitting it. What it cannot read it skips up to the next link.
 * @param {string | null} header
 * @returns {Link[]}
 */
export function parseLinks(header) {
  /** @type {Link[]} */
  const links = [];
  let rest = header ?? '';
  for (;;) {
    const start = /^[\s,]*<([^>]*)>/.exec(rest);
    if (!start) {
      const next = rest.search(/,\s*</);
      if (next < 0) return links;
      rest = rest.slice(next + 1);
      continue;
    }
    rest = rest.slice(start[0].length);
    /** @type {Map<string, string>} */
    const params = new Map();
    for (;;) {
      const param = /^\s*;\s*([^\s=;,"<>]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?/.exec(rest);
      if (!param) break;
      rest = rest.slice(param[0].length);
      const name = param[1].toLowerCase();
      const value = param[2] !== undefined ? param[2].replace(/\\(.)/g, '$1') : (param[3] ?? '');
      if (!params.has(name)) params.set(name, value);
    }
    links.push({ target: start[1].trim(), params });
  }
}

/**
 * @param {Link} link
 * @param {string} relation
 */
function hasRelation(link, relation) {
  const relations = (link.params.get('rel') ?? '').toLowerCase().split(/\s+/);
  return relations.includes(relation);
}

/**
 * The STUN and TURN servers of a Link header (RFC 9725, section 4.6).
 * @param {string | null} header
 * @returns {RTCIceServer[]}
 */
export function iceServers(header) {
  /** @type {RTCIceServer[]} */
  const servers = [];
  for (const link of parseLinks(header)) {
    if (!hasRelation(link, 'ice-server') || !/^(stuns?|turns?):\S+$/i.test(link.target)) continue;
    const username = link.params.get('username');
    const credential = link.params.get('credential');
    if (/^turns?:/i.test(link.target)) {
      // The browser throws for the whole list when one TURN server has no credentials.
      if (username === undefined || credential === undefined) continue;
      servers.push({ urls: link.target, username, credential });
    } else {
      servers.push({ urls: link.target });
    }
  }
  return servers;
}

/**
 * @typedef {object} Extension what a server can do for a session beyond the protocol
 * @property {string} relation a URN, in lower case
 * @property {string} url absolute
 * @property {Map<string, string>} params of the link
 */

/**
 * The extensions of a Link header (RFC 9725, section 4.9; in WHEP the same).
 * @param {string | null} header
 * @param {string} base the URL that relative targets start from
 * @returns {Extension[]}
 */
export function extensions(header, base) {
  /** @type {Extension[]} */
  const found = [];
  for (const { target, params } of parseLinks(header)) {
    for (const relation of (params.get('rel') ?? '').toLowerCase().split(/\s+/)) {
      const url = relation.startsWith('urn:') ? absolute(target, base) : undefined;
      if (url) found.push({ relation, url, params });
    }
  }
  return found;
}

/**
 * An absolute URL. URL.canParse is younger than some phones that are to play.
 * @param {string} target
 * @param {string} base
 * @returns {string | undefined} undefined for what is no address
 */
export function absolute(target, base) {
  try {
    return new URL(target, base).href;
  } catch {
    return undefined;
  }
}
