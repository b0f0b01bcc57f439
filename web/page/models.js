// The one model that is loaded, and its way here.

import { load } from "./figleaf/index.js";
import { within } from "./site.js";

/**
 * Loads a model at a time and tells of "change".
 *
 *   state   "none" | "loading" | "ready" | "cancelled" | "failed"
 *   entry   what is loaded or being loaded: of models/index.json
 *   model   the loaded one, or null
 *   loaded  bytes that have come
 *   code    of what went wrong: the library's
 *   why     the same in its words
 */
export class Models extends EventTarget {
  state = "none";
  entry = null;
  model = null;
  loaded = 0;
  code = "";
  why = "";
  stays = false;
  #abort = null;

  /** Load no other model from now on: its files would be of another version than this page's. */
  stay() {
    this.stays = true;
    this.cancel();
  }

  /** Load a model in place of the one that is there. What was classified by that goes on until it ends. */
  async use(entry) {
    if (this.stays) return;
    this.#abort?.abort();
    const abort = (this.#abort = new AbortController());
    this.model?.dispose();
    Object.assign(this, { entry, model: null, loaded: 0 });
    this.#become("loading");
    try {
      const model = await load(within(entry.url), {
        ort: within("ort/"),
        signal: abort.signal,
        onProgress: (loaded) => abort === this.#abort && this.#come(loaded),
      });
      if (abort !== this.#abort) return void model.dispose();
      this.model = model;
      this.#become("ready");
    } catch (error) {
      if (abort !== this.#abort) return;
      Object.assign(this, { code: error.code ?? "other", why: error.message });
      this.#become(abort.signal.aborted ? "cancelled" : "failed");
    }
  }

  /** Give up what is being loaded. */
  cancel() {
    this.#abort?.abort();
  }

  #come(loaded) {
    this.loaded = loaded;
    this.dispatchEvent(new Event("change"));
  }

  #become(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}
