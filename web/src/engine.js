// A verified bundle, compiled: pictures in, numbers out. In the worker, or in the page without one.

import { FigleafError } from "./errors.js";
import { fetchBundle } from "./fetching.js";
import { pixelsOf } from "./pixels.js";
import { prepare } from "./prepare.js";
import { compile } from "./runtime.js";

/** Fetch, verify and compile a bundle. `url` and `ort` are absolute. */
export async function openEngine({ url, ort, backend, threads }, { signal, onProgress } = {}) {
  const { card, graph } = await fetchBundle(url, { signal, onProgress });
  const isQuantised = card.computes === "int8";
  const runtime = await compile(graph, { ort, backend, threads, isQuantised });
  if (signal?.aborted) {
    await runtime.dispose();
    signal.throwIfAborted();
  }
  return new Engine(card, runtime);
}

/** A model in this thread. A picture is worked on when those before it are done. */
class Engine {
  #runtime;
  #turn = Promise.resolve();

  constructor(card, runtime) {
    this.card = card;
    this.#runtime = runtime;
    this.backend = runtime.backend;
    this.threads = runtime.threads;
  }

  /** One output ("probabilities" or "features") for what `taken` has taken. */
  run(picture, output) {
    const result = this.#turn.then(() => this.#run(picture, output));
    this.#turn = result.catch(() => {});
    return result;
  }

  async dispose() {
    await this.#turn;
    await this.#runtime.dispose();
  }

  async #run(picture, output) {
    const pixels = await pixelsOf(picture, this.card.inputs[0].background);
    const inputs = [];
    for (const spec of this.card.inputs) {
      inputs.push({ name: spec.name, size: spec.size, data: await prepare(pixels, spec) });
    }
    const { [output]: row } = await this.#runtime.run(inputs, [output]);
    if (output === "probabilities") checkProbabilities(row, this.card);
    return row;
  }
}

/** Thresholds mean nothing for logits, and no comparison holds for NaN. */
function checkProbabilities(row, { name, labels }) {
  if (row.length !== labels.length) {
    const found = `${row.length} probabilities for ${labels.length} labels`;
    throw new FigleafError("BAD_BUNDLE", `${name}: ${found}`);
  }
  if (!row.every((value) => value >= 0 && value <= 1.001)) {
    throw new FigleafError("BAD_BUNDLE", `${name}: probabilities are not within 0..1`);
  }
  if (Math.abs(row.reduce((sum, value) => sum + value, 0) - 1) > 0.01) {
    throw new FigleafError("BAD_BUNDLE", `${name}: probabilities do not sum to 1`);
  }
}
