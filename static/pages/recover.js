// @ts-check
// The first thing on every page, as a script in the page itself: when the page's own
// module cannot be loaded, because the network changed just then or the server was
// replaced, nothing else would be there to notice. It loads the page again, once the
// server answers.

/** Between two questions whether the server is there, ms. */
const ASK_EVERY = 1_000;

/** After the network has changed, a module that is still under way gets so long, ms. */
const PATIENCE = 3_000;

/** A page that has just been loaded for this reason is not loaded again sooner, ms. */
const PAUSE = 5_000;

const key = 'porthole.recovered';
let loaded = false;
let asking = false;

/** @param {Event} event */
const isModule = ({ target }) => target instanceof HTMLScriptElement && target.type === 'module' && target.src !== '';

document.addEventListener('load', (event) => {
  if (isModule(event)) loaded = true;
}, true);
document.addEventListener('error', (event) => {
  if (isModule(event)) recover();
}, true);

const changed = () => setTimeout(() => {
  if (!loaded && document.readyState !== 'loading') recover();
}, PATIENCE);
addEventListener('online', changed);
/** @type {any} */ (navigator).connection?.addEventListener?.('change', changed);

async function recover() {
  if (asking || loaded) return;
  asking = true;
  for (;;) {
    if (Date.now() - last() >= PAUSE && await answers()) break;
    await new Promise((resolve) => { setTimeout(resolve, ASK_EVERY); });
    if (loaded) return;
  }
  remember();
  location.reload();
}

async function answers() {
  try {
    return (await fetch(location.href, { method: 'HEAD', cache: 'no-store' })).ok;
  } catch {
    return false;
  }
}

/** When the page was last loaded again, ms since the epoch. */
function last() {
  try {
    return Number(sessionStorage.getItem(key));
  } catch {
    return 0; // a frame without storage: the pause is only that between two questions
  }
}

function remember() {
  try {
    sessionStorage.setItem(key, String(Date.now()));
  } catch {
    // As above.
  }
}
