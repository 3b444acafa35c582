// @ts-check
// Whether the browser keeps this page from a server in its viewer's own network: local
// network access (WICG), about which Chrome asks from version 142 on. A refused request
// looks like a server that is away; the permission tells them apart.

/**
 * - prompt: the browser asks its user, or will
 * - denied: the user has said no
 * - frame: the page around this one does not let it ask
 * - insecure: only pages with HTTPS may ask
 * @typedef {'prompt' | 'denied' | 'frame' | 'insecure'} Bar
 *
 * @typedef {'loopback' | 'local' | 'public'} Space the most private first
 */

/** @type {Space[]} */
const spaces = ['loopback', 'local', 'public'];

/** The permission was one until Chrome 145, and its old name goes on as that of both. */
const names = { loopback: ['loopback-network', 'local-network-access'], local: ['local-network', 'local-network-access'] };

/** Private addresses, those of carriers' NATs and links (the draft, section 2.1). */
const local = [
  /^10\./, /^192\.168\./, /^172\.(1[6-9]|2\d|3[01])\./, /^169\.254\./, /^100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./, /^198\.1[89]\./,
  /^f[cd][0-9a-f]{2}:/, /^fe[89ab][0-9a-f]:/, /\.local$/,
];

/**
 * Where a host is, as far as its name tells: a name may well have a private address.
 * @param {string} host as URL.hostname has it
 * @returns {Space}
 */
export function spaceOf(host) {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '');
  if (name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127\.\d+\.\d+\.\d+$/.test(name)) return 'loopback';
  const isAddress = /^[\d.]+$/.test(name) || name.includes(':') || name.endsWith('.local');
  return isAddress && local.some((range) => range.test(name)) ? 'local' : 'public';
}

/**
 * What keeps this page from a server; undefined when nothing does, or the browser does not
 * tell.
 * @param {string} endpoint absolute URL
 * @param {object} [page] for tests
 * @param {string} [page.host]
 * @param {boolean} [page.secure]
 * @param {{ query: (descriptor: any) => Promise<{ state: string }> }} [page.permissions]
 * @param {(name: string) => boolean} [page.allows] whether the page's policy has a feature
 * @returns {Promise<Bar | undefined>}
 */
export async function barTo(endpoint, {
  host = location.hostname, secure = globalThis.isSecureContext, permissions = globalThis.navigator?.permissions, allows = policyAllows,
} = {}) {
  const target = new URL(endpoint).hostname;
  if (target === host) return undefined;
  const [from, to] = [spaceOf(host), spaceOf(target)];
  const known = to !== 'public';
  if (known && spaces.indexOf(from) <= spaces.indexOf(to)) return undefined;
  if (!secure) return known ? 'insecure' : undefined;
  const candidates = names[to === 'loopback' ? 'loopback' : 'local'];
  const state = await stateOf(candidates, permissions);
  if (state === 'denied') return candidates.some(allows) ? 'denied' : 'frame';
  // Of any other name nobody knows that it is the reason.
  return state === 'prompt' && known ? 'prompt' : undefined;
}

/**
 * @param {string[]} candidates names of one permission, the newest first
 * @param {{ query: (descriptor: any) => Promise<{ state: string }> } | undefined} permissions
 */
async function stateOf(candidates, permissions) {
  for (const name of candidates) {
    try {
      return (await permissions?.query({ name }))?.state;
    } catch {
      // a browser that does not know this name: perhaps it knows the next
    }
  }
  return undefined;
}

/** @param {string} name */
function policyAllows(name) {
  const policy = /** @type {any} */ (globalThis.document)?.featurePolicy;
  return policy ? policy.allowsFeature(name) : true;
}

/** A connection that is not there after so long may be waiting for the browser's user, ms. */
const LOOK_AFTER = 1_500;

/** Looks for a bar while a player cannot connect, and tells when there is one or no more. */
export class LocalNetwork {
  #tell;
  #ask;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #turn = 0;
  /** @type {Bar | undefined} */
  bar;

  /** @param {() => void} tell bar is another one now @param {typeof barTo} [ask] for tests */
  constructor(tell, ask = barTo) {
    this.#tell = tell;
    this.#ask = ask;
  }

  /**
   * @param {import('./states.js').State} state of the player, whenever it changes
   * @param {string | undefined} endpoint
   */
  observe({ name, reason }, endpoint) {
    const failed = name === 'reconnecting' && (reason === 'unreachable' || reason === 'path');
    clearTimeout(this.#timer);
    if (!endpoint || !(failed || name === 'connecting')) {
      this.#turn += 1;
      this.bar = undefined; // who shows this state asks for it afterwards
      return;
    }
    this.#timer = setTimeout(() => this.#look(endpoint), failed ? 0 : LOOK_AFTER);
  }

  /** @param {string} endpoint */
  async #look(endpoint) {
    this.#turn += 1;
    const turn = this.#turn;
    const bar = await this.#ask(endpoint).catch(() => undefined);
    if (turn !== this.#turn || bar === this.bar) return;
    this.bar = bar;
    this.#tell();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#turn += 1;
    this.bar = undefined;
  }
}
