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
.stage { position: absolute; inset: 0; outline: none; container-type: size; }
.stage:focus-visible::after {
  content: ""; position: absolute; inset: 0; pointer-events: none;
  box-shadow: inset 0 0 0 3px var(--whep-accent);
}
video, .still { display: block; width: 100%; height: 100%; object-fit: var(--whep-fit, contain); }

.still { position: absolute; inset: 0; }
.still[hidden] { display: none; }

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
button[hidden], .spinner[hidden], .bar[hidden], .volume[hidden] { display: none; }
svg { width: 1.4rem; height: 1.4rem; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }

.play { width: 5rem; height: 5rem; background: var(--whep-accent); color: #06251f; }
.play:hover { background: var(--whep-accent); filter: brightness(1.08); }
.play svg { width: 3.2rem; height: 3.2rem; flex: none; fill: currentColor; stroke: none; }
.retry { margin-top: .5rem; padding: 0 1.2rem; background: rgb(255 255 255 / .14); font-size: .95rem; }
.retry:hover { background: rgb(255 255 255 / .24); }

.notice {
  position: absolute; top: calc(var(--whep-top, 0px) + .9rem); left: 50%; translate: -50%; margin: 0; max-width: calc(100% - 1.8rem);
  padding: .5rem 1rem; border-radius: 999px; background: rgb(12 18 25 / .78); font-size: .9rem; text-align: center; transition: opacity .25s;
}
.notice:empty { display: none; }
.stage.quiet .notice { opacity: 0; }

.bar {
  position: absolute; inset: auto 0 0; display: flex; align-items: center; gap: .4rem;
  padding: 3rem max(.9rem, env(safe-area-inset-right)) max(.9rem, env(safe-area-inset-bottom)) max(.9rem, env(safe-area-inset-left));
  background: linear-gradient(transparent, rgb(0 0 0 / .6)); transition: opacity .25s; pointer-events: none;
}
.bar > * { pointer-events: auto; transition: opacity .25s; }
.bar .gap { flex: 1 1 0; pointer-events: none; }
.bar .button { padding: 0; width: 2.75rem; background: none; }
.bar .button:hover, .bar .button[aria-expanded=true] { background: rgb(255 255 255 / .18); }
.bar > * { flex: none; }
.bar .live { flex: 0 1 auto; min-width: 0; }
.live { display: inline-flex; align-items: center; gap: .5rem; padding: 0 .5rem; overflow: hidden; font-size: .875rem; white-space: nowrap; text-shadow: 0 1px 2px rgb(0 0 0 / .5); }
.watching { overflow: hidden; text-overflow: ellipsis; }
.watching:not(:empty)::before { content: "· "; }
.volume { width: 5.5rem; height: 2.75rem; margin: 0 .35rem 0 0; accent-color: #fff; cursor: pointer; }
.volume:focus-visible { outline: 3px solid var(--whep-accent); outline-offset: -6px; border-radius: 999px; }
.live::before { content: ""; flex: none; width: .55rem; height: .55rem; border-radius: 50%; background: #ff5a4f; }
.live.aside::before { background: #ffc14d; }
.unmute { flex: none; padding: 0 1.1rem 0 .9rem; background: #fff; color: #0b0f14; font-weight: 600; }
.unmute:hover { background: #e6eef0; }
.stage.quiet { cursor: none; }
.stage.quiet .bar { background: none; }
.stage.quiet .bar > :not(.unmute) { opacity: 0; pointer-events: none; }

.menu {
  position: absolute; right: max(.9rem, env(safe-area-inset-right)); bottom: calc(100% - 2.6rem); min-width: 13rem; max-height: 60vh; overflow: auto;
  padding: .4rem; border-radius: 14px; background: rgb(20 27 35 / .96); box-shadow: 0 12px 40px rgb(0 0 0 / .45);
}
.menu[hidden] { display: none; }
.group + .group { margin-top: .4rem; padding-top: .4rem; border-top: 1px solid rgb(255 255 255 / .12); }
.group-title { margin: 0; padding: .35rem .8rem; font-size: .8rem; color: #aebbc8; }
.item { display: flex; justify-content: flex-start; width: 100%; padding: 0 .9rem 0 .5rem; border-radius: 9px; background: none; text-align: left; font-size: .94rem; }
.item:hover, .item:focus-visible { background: rgb(255 255 255 / .12); }
.item:focus-visible { outline-offset: -3px; }
.tick { flex: none; display: inline-flex; width: 1.25rem; color: var(--whep-accent); }
.tick svg { width: 1.15rem; height: 1.15rem; stroke-width: 2.4; }

.stats {
  position: absolute; box-sizing: border-box; top: calc(var(--whep-top, 0px) + .9rem); left: max(.9rem, env(safe-area-inset-left));
  width: min(22rem, calc(100% - 1.8rem)); max-height: calc(100% - var(--whep-top, 0px) - 5.4rem); overflow: auto;
  padding: .35rem .9rem .8rem; border-radius: 14px; background: rgb(13 19 26 / .86); font-size: .875rem;
}
.stats[hidden] { display: none; }
.stats-head { display: flex; align-items: center; justify-content: space-between; margin-right: -.5rem; }
.key { display: inline-block; min-width: 1.6rem; margin-right: .3rem; padding: .05rem .4rem; border: 1px solid rgb(255 255 255 / .35); border-radius: 6px; font: inherit; font-size: .8rem; text-align: center; color: #fff; }
.keys .stats-list { gap: .4rem 1rem; }
.keys .stats-cell { text-align: left; }
.stats-title { margin: 0; font-size: .875rem; font-weight: 600; }
.stats-close { min-width: 2.25rem; min-height: 2.25rem; padding: 0; background: none; }
.stats-head .gap { flex: 1; }
.stats-value.session { font-size: .8rem; overflow-wrap: anywhere; }
.stats-close:hover { background: rgb(255 255 255 / .15); }
.stats-close svg { width: 1.1rem; height: 1.1rem; }
.stats-list { display: grid; grid-template-columns: auto 1fr; gap: .28rem 1rem; margin: 0; }
.stats-name { color: #b4c1cd; }
.stats-cell { margin: 0; text-align: right; font-variant-numeric: tabular-nums; }
.stats-value { display: block; font-weight: 600; }
.stats-value.delay, .stats-value.bitrate { font-size: 1.02rem; }
.stats-note { display: block; font-size: .78rem; color: #b4c1cd; text-wrap: balance; }
.stats-note:empty { display: none; }
.stats-graph { grid-column: 1 / -1; margin: 0; }
svg.graph { display: block; width: 100%; height: 2rem; margin: .1rem 0 .35rem; border-bottom: 1px solid rgb(255 255 255 / .16); stroke: none; overflow: visible; }
.graph polyline { fill: none; stroke: var(--whep-accent); stroke-width: 1.6; vector-effect: non-scaling-stroke; }
.graph polygon { fill: var(--whep-accent); opacity: .18; }
.rate-graph polyline { stroke: #7db4ff; }
.rate-graph polygon { fill: #7db4ff; }

@container (max-width: 34rem) {
  .volume { display: none; }
}
@container (max-width: 26rem) {
  .unmute { padding: 0; width: 2.75rem; }
  .unmute-text { display: none; }
  .pip { display: none; }
  .bar { gap: .1rem; padding-left: max(.5rem, env(safe-area-inset-left)); padding-right: max(.5rem, env(safe-area-inset-right)); }
  .stats { width: auto; right: max(.9rem, env(safe-area-inset-right)); }
}
@container (max-width: 23rem) {
  .live-word:has(+ .watching:not(:empty)) { display: none; }
  .watching::before { display: none; }
}
@container (max-width: 15rem) {
  .live { display: none; }
}
@container (max-aspect-ratio: 3/4) {
  .stats { top: auto; bottom: 5.2rem; max-height: calc(100% - 12rem); }
  .stats-graph.second { display: none; }
}
@container (max-height: 26rem) {
  .stats { font-size: .8125rem; max-height: calc(100% - var(--whep-top, 0px) - 4.6rem); padding-bottom: .5rem; }
  .stats-head { min-height: 2rem; }
  .stats-close { min-height: 2rem; }
  .stats-list { gap: .1rem 1rem; }
  .stats-graph { display: none; }
}
@container (max-height: 26rem) and (min-width: 30rem) {
  .stats { width: calc(100% - 1.8rem); }
  .stats-list { grid-template-columns: auto 1fr auto 1fr; }
  .stats-value, .stats-note { display: inline; font-size: inherit; }
  .stats-value.delay, .stats-value.bitrate { font-size: inherit; }
  .stats-note { display: none; }
}
@container (max-height: 13rem) {
  .bar { padding-top: 1rem; padding-bottom: .3rem; }
  .status { padding: .5rem .75rem; gap: .25rem; }
  .spinner { width: 1.5rem; height: 1.5rem; margin-bottom: .1rem; }
  .play { width: 3.25rem; height: 3.25rem; }
  .play svg { width: 2.2rem; height: 2.2rem; }
  .retry { margin-top: .2rem; min-height: 2.25rem; }
  .headline { font-size: .95rem; }
  .detail, .countdown { font-size: .8rem; line-height: 1.3; }
  .stats { left: .4rem; right: .4rem; width: auto; padding: .1rem .6rem .3rem; border-radius: 10px; font-size: .7rem; line-height: 1.25; max-height: calc(100% - var(--whep-top, 0px) - .6rem); top: calc(var(--whep-top, 0px) + .3rem); }
  .stats-title { font-size: .75rem; }
  .stats-list { grid-template-columns: auto 1fr auto 1fr; gap: 0 .5rem; }
  .stats-note, .stats-graph { display: none; }
  .stats-value.delay, .stats-value.bitrate, .stats-value.session { font-size: inherit; }
  .key { min-width: 1.2rem; padding: 0 .2rem; font-size: .65rem; }
  .notice { top: .35rem; padding: .25rem .7rem; font-size: .8rem; }
}
.reader { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

@media (prefers-reduced-motion: reduce) {
  .status, .notice, .bar, .bar > * { transition: none; }
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
