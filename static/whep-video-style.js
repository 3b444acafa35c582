// @ts-check
// The look of <whep-video>. A constructed sheet, because a strict content security
// policy, ours and other sites', forbids <style> elements.

const css = `
:host {
  --whep-accent: #4cc2b4;
  position: relative;
  display: block;
  overflow: hidden;
  aspect-ratio: 16 / 9;
  background: #0b0f14;
  color: #fff;
  font: 500 1rem/1.4 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei", sans-serif;
  -webkit-tap-highlight-color: transparent;
}
:host([hidden]) { display: none; }
:host(:fullscreen) { aspect-ratio: auto; width: 100%; height: 100%; }
.stage { position: absolute; inset: 0; outline: none; }
.stage:focus-visible::after {
  content: ""; position: absolute; inset: 0; pointer-events: none;
  box-shadow: inset 0 0 0 3px var(--whep-accent);
}
.stage.quiet { cursor: none; }
video { display: block; width: 100%; height: 100%; object-fit: var(--whep-fit, contain); }

.status {
  position: absolute; inset: 0; display: flex; flex-direction: column;
  align-items: center; justify-content: center; gap: .5rem; padding: 1.5rem;
  text-align: center; background: rgb(6 10 15 / .66); transition: opacity .25s;
}
.status.clear { opacity: 0; visibility: hidden; }
.headline { margin: 0; font-size: clamp(1rem, 2.6vw, 1.3rem); font-weight: 600; text-wrap: balance; }
.detail, .countdown { margin: 0; max-width: 34rem; font-size: .92rem; color: #ccd6e0; overflow-wrap: anywhere; text-wrap: balance; }
.detail::first-letter { text-transform: uppercase; }
.countdown { font-variant-numeric: tabular-nums; }
.detail:empty, .countdown:empty { display: none; }
.spinner {
  width: 2.25rem; height: 2.25rem; margin-bottom: .5rem; border-radius: 50%;
  border: 3px solid rgb(255 255 255 / .22); border-top-color: var(--whep-accent);
  animation: turn 1s linear infinite;
}
@keyframes turn { to { transform: rotate(1turn); } }

button {
  display: inline-flex; align-items: center; justify-content: center; gap: .5rem;
  min-width: 2.75rem; min-height: 2.75rem; padding: 0 .65rem; border: 0; border-radius: 999px;
  background: rgb(12 18 25 / .62); color: inherit; font: inherit; cursor: pointer;
}
button:hover { background: rgb(32 44 56 / .85); }
button:focus-visible { outline: 3px solid var(--whep-accent); outline-offset: 2px; }
button[hidden], .spinner[hidden], .bar[hidden], .live[hidden] { display: none; }
svg { width: 1.4rem; height: 1.4rem; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }

.play { width: 5rem; height: 5rem; background: var(--whep-accent); color: #06251f; }
.play:hover { background: var(--whep-accent); filter: brightness(1.08); }
.play svg { width: 3.2rem; height: 3.2rem; flex: none; fill: currentColor; stroke: none; }
.retry { margin-top: .5rem; padding: 0 1.2rem; background: rgb(255 255 255 / .14); font-size: .95rem; }
.retry:hover { background: rgb(255 255 255 / .24); }

.bar {
  position: absolute; inset: auto 0 0; display: flex; align-items: center; gap: .5rem;
  padding: 2.5rem max(.9rem, env(safe-area-inset-right)) max(.9rem, env(safe-area-inset-bottom)) max(.9rem, env(safe-area-inset-left));
  background: linear-gradient(transparent, rgb(0 0 0 / .55)); transition: opacity .25s;
}
.bar .gap { flex: 1; }
.live { display: inline-flex; align-items: center; gap: .45rem; padding: 0 .4rem; font-size: .85rem; letter-spacing: .02em; }
.live::before { content: ""; width: .55rem; height: .55rem; border-radius: 50%; background: #ff5a4f; }
.unmute { padding: 0 1.1rem 0 .9rem; background: #fff; color: #0b0f14; font-weight: 600; }
.unmute:hover { background: #e6eef0; }
.stage.quiet .bar { background: none; }
.stage.quiet .bar > :not(.unmute) { opacity: 0; pointer-events: none; }
.bar > * { transition: opacity .25s; }
.reader { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

@media (prefers-reduced-motion: reduce) {
  .status, .bar, .bar > * { transition: none; }
  .spinner { animation-duration: 4s; animation-timing-function: steps(8); }
}
@media (forced-colors: active) {
  button { border: 1px solid; }
}
`;

/** @type {CSSStyleSheet | undefined} one for all players of a document */
let sheet;

/** @param {ShadowRoot} root */
export function style(root) {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
  }
  root.adoptedStyleSheets = [sheet];
}
