// A model as a page sees it.

import { FigleafError } from "./errors.js";
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
    const ranked = (await this.#ranked(source)).slice(0, topk);
    return ranked.map(([label, probability]) => ({ className: nsfwjsName(label), probability }));
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

  /** Let go of the model's memory; calls that wait are rejected, or answered where they began. */
  async dispose() {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.#engine.dispose();
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
