// @ts-check
// Shows how loud the microphone is, so that one sees before going live that it works.

/** What counts as silence, and as full scale, in decibels. */
const QUIETEST = -60;
const LOUDEST = -6;

/** How fast the meter falls, share of its length per look: it rises at once. */
const FALL = 0.06;

export class LevelMeter {
  #element;
  /** @type {AudioContext | undefined} */
  #context;
  /** @type {MediaStreamAudioSourceNode | undefined} */
  #source;
  /** @type {AnalyserNode | undefined} */
  #analyser;
  #samples = new Float32Array(1024);
  #level = 0;
  #frame = 0;

  /** @param {HTMLElement} element with role="meter", whose --level is set from 0 to 1 */
  constructor(element) {
    this.#element = element;
  }

  /** @param {MediaStream | undefined} stream whose sound is shown from now on */
  listen(stream) {
    this.#source?.disconnect();
    this.#source = undefined;
    cancelAnimationFrame(this.#frame);
    this.#show(0);
    const tracks = stream?.getAudioTracks() ?? [];
    this.#element.hidden = tracks.length === 0;
    if (tracks.length === 0) return;
    this.#context ??= new AudioContext();
    // Some browsers start it only after the page was touched; then the meter does, too.
    this.#context.resume().catch(() => {});
    this.#analyser ??= this.#context.createAnalyser();
    this.#analyser.fftSize = this.#samples.length;
    this.#source = this.#context.createMediaStreamSource(new MediaStream(tracks));
    this.#source.connect(this.#analyser);
    this.#look();
  }

  #look() {
    this.#analyser?.getFloatTimeDomainData(this.#samples);
    const loud = levelOf(this.#samples);
    this.#show(Math.max(loud, this.#level - FALL));
    this.#frame = requestAnimationFrame(() => this.#look());
  }

  /** @param {number} level */
  #show(level) {
    this.#level = level;
    this.#element.style.setProperty('--level', level.toFixed(3));
    const percent = String(Math.round(level * 100));
    if (this.#element.getAttribute('aria-valuenow') !== percent) this.#element.setAttribute('aria-valuenow', percent);
  }
}

/**
 * @param {Float32Array} samples from -1 to 1
 * @returns {number} 0 for silence to 1 for as loud as it should get
 */
export function levelOf(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibels = 10 * Math.log10(sum / samples.length + 1e-12);
  return Math.min(1, Math.max(0, (decibels - QUIETEST) / (LOUDEST - QUIETEST)));
}
