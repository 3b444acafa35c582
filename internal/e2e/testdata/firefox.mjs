// Drives one Firefox for the end-to-end tests. Commands come on standard input and results go to
// standard output, one JSON object a line:
//
//   {"id": 1, "open": URL, "scripts": [TEXT]}       a page in a tab of its own; scripts run before its own
//   {"id": 2, "page": 1, "eval": "await something"}   what the script in page 1 (the id of its open) returns
//
//   {"id": 3, "page": 1, "click": "an element"}       a person's click on what the script returns
//
// each answered by {"id", "value"} or {"id", "error"}. Errors in a page's console, and requests that
// it makes to other machines, come unasked as {"page", "fault"}. The end of the input ends the browser.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const puppeteer = createRequire(`${process.env.PUPPETEER}/`)('puppeteer-core');
const probe = readFileSync(new URL('probe.js', import.meta.url), 'utf8');

const browser = await puppeteer.launch({
  browser: 'firefox',
  executablePath: process.env.FIREFOX,
  headless: true,
  acceptInsecureCerts: true,
  extraPrefsFirefox: {
    'media.peerconnection.ice.loopback': true, // media over 127.0.0.1
    'media.peerconnection.ice.obfuscate_host_addresses': false, // there is no mDNS in the tests' networks
    'media.navigator.streams.fake': true,
    'media.navigator.permission.disabled': true,
    'media.autoplay.default': 0,
    'dom.securecontext.allowlist': process.env.SECURE ?? '',
    'media.gmp-manager.updateEnabled': false,
  },
});

const pages = new Map();
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

/** Whether a request stays on this machine and its test networks. */
function isLocal(address) {
  const { protocol, hostname } = new URL(address);
  return /^(data|blob|about):$/.test(protocol) || /^(localhost|127\.|10\.|192\.168\.|\[::1\])/.test(hostname);
}

async function open(id, url, scripts) {
  const page = await (await browser.createBrowserContext()).newPage();
  pages.set(id, page);
  page.on('console', (message) => {
    if (message.type() === 'error') say({ page: id, fault: message.text() });
  });
  page.on('pageerror', (error) => say({ page: id, fault: String(error) }));
  page.on('request', (request) => {
    if (!isLocal(request.url())) say({ page: id, fault: `a request to another machine: ${request.url()}` });
  });
  for (const script of [probe, ...(scripts ?? [])]) await page.evaluateOnNewDocument(script);
  await page.setViewport({ width: 1280, height: 900 });
  await page.goto(url, { waitUntil: 'load', timeout: 20_000 });
}

async function run(command) {
  if (command.open) return open(command.id, command.open, command.scripts);
  if (command.click) return (await pages.get(command.page).evaluateHandle(command.click)).click();
  if (command.screenshot) return pages.get(command.page).screenshot({ path: command.screenshot });
  return pages.get(command.page).evaluate(`(async () => (${command.eval}))()`);
}

say({ ready: await browser.version() });
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  run(command).then(
    (value) => say({ id: command.id, value: command.eval ? value : undefined }),
    (error) => say({ id: command.id, error: String(error) }),
  );
}
await browser.close();
