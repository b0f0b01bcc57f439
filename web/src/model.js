// A model as a page sees it.

import { FigleafError } from "./errors.js";
import { animationFrames, videoFrames } from "./frames.js";
import { nsfwjsName } from "./labels.js";
import { taken } from "./pixels.js";

/** A loaded model. Calls may overlap; they are answered in their order. */
export class Model {
  #engine;
  #disposed = false;

  constructor(engine) {
    this.#engine = engine;
    this.card = engine.card;
    this.labels = engine.card.labels;
    this.precision = engine.card.computes ?? "f32"; // as Python's results name it
    this.backend = engine.backend;
    this.threads = engine.threads;
  }

  /**
   * The most probable classes, in the shape of NSFW JS.
   *
   * @param source a picture, see `taken` in pixels.js
   * @param {number} topk how many
   * @returns {Promise<Array<{className: string, probability: number}>>} most probable first
   * @throws FigleafError UNREADABLE, TOO_LARGE, BAD_ARGUMENT, UNSUPPORTED, RUNTIME, DISPOSED
   */
  async classify(source, topk = 5) {
    return predictions(await this.#ranked(source), topk);
  }

  /**
   * The probability of every class, by figleaf's names, most probable first (but for classes whose
   * names are whole numbers, which JavaScript puts first).
   *
   * @returns {Promise<Record<string, number>>}
   * @throws FigleafError as `classify`
   */
  async scores(source) {
    return Object.fromEntries(await this.#ranked(source));
  }

  /**
   * The pooled features, unnormalised.
   *
   * @returns {Promise<Float32Array>} of length card.features
   * @throws FigleafError as `classify`
   */
  async features(source) {
    if (!this.card.features) {
      throw new FigleafError("UNSUPPORTED", `${this.card.tag} has no features`);
    }
    return this.#run(source, "features");
  }

  /**
   * A timeline of an animation (GIF, WebP, APNG, AVIF): frames evenly over its whole length.
   *
   * @param {Blob} file
   * @param options every, most, signal: see `choose` in frames.js; topk: how many classes;
   *     onFrame: called with each frame of the timeline and its `image` (a VideoFrame) as soon as
   *     it is classified, and awaited
   * @returns {Promise<Array<{index, totalFrames, seconds, predictions, scores}>>}
   * @throws FigleafError as `classify`; UNSUPPORTED where this browser has no ImageDecoder
   */
  async classifyGif(file, options = {}) {
    return this.#timeline(animationFrames(file, options), options);
  }

  /** The same of a video, of a Blob or of a video element's file; `image` is a video element. */
  async classifyVideo(source, options = {}) {
    return this.#timeline(videoFrames(source, options), options);
  }

  /** Let go of the model's memory; calls that wait are rejected, or answered where they began. */
  async dispose() {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.#engine.dispose();
  }

  async #timeline(frames, { topk = 5, onFrame }) {
    const timeline = [];
    for await (const { index, total, seconds, image } of frames) {
      const ranked = await this.#ranked(image);
      const scores = Object.fromEntries(ranked);
      const entry = {
        index,
        totalFrames: total,
        seconds,
        predictions: predictions(ranked, topk),
        scores,
      };
      timeline.push(entry);
      await onFrame?.({ ...entry, image });
    }
    return timeline;
  }

  async #ranked(source) {
    if (!this.labels.length) {
      throw new FigleafError("UNSUPPORTED", `${this.card.tag} has no classes: it is a backbone`);
    }
    const row = await this.#run(source, "probabilities");
    const pairs = this.labels.map((label, index) => [label, row[index]]);
    return pairs.sort((one, other) => other[1] - one[1]);
  }

  async #run(source, output) {
    this.#check();
    const { picture, transfer } = await taken(source);
    this.#check();
    return this.#engine.run(picture, output, transfer);
  }

  #check() {
    if (this.#disposed) {
      throw new FigleafError("DISPOSED", "the model has been disposed of: load it again");
    }
  }
}

function predictions(ranked, topk) {
  return ranked
    .slice(0, topk)
    .map(([label, probability]) => ({ className: nsfwjsName(label), probability }));
}
