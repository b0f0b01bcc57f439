// What is chosen of a model, and how its loading goes.

import { Detail } from "./detail.js";
import { at, make, put, tell } from "./dom.js";
import { megabytes, say, sayFor, sayIfAny } from "./words.js";

/**
 * The picker of models, the progress of the one that is loaded, its cancelling.
 *
 * @param site of site.js
 * @param models of models.js
 * @param {(name: string) => void} choose a person has chosen a model
 */
export class ModelPicker {
  #site;
  #models;
  #away = new Set();
  #detail = new Detail();

  constructor(site, models, choose) {
    this.#site = site;
    this.#models = models;
    at("model").addEventListener("change", () => choose(at("model").value));
    at("model-cancel").addEventListener("click", () => {
      models.cancel();
      at("model").focus();
    });
    at("model-again").addEventListener("click", () => choose(at("model").value));
    at("model-state").after(this.#detail.element);
    models.addEventListener("change", () => this.show());
  }

  /** Say which models cannot be had now: names. */
  setAway(names) {
    this.#away = names;
    this.fill(at("model").value);
  }

  /** Fill the picker, with this one chosen. */
  fill(chosen) {
    const options = this.#site.models.map(({ name, bytes }) => {
      const key = this.#away.has(name) ? "model_away" : "model_choice";
      return make("option", { value: name, text: say(key, { name, size: megabytes(bytes) }) });
    });
    at("model").replaceChildren(...options);
    at("model").value = chosen;
    this.show();
  }

  /** Show how it stands. `unused` says that the server is asked, so that none is needed. */
  show(unused = this.unused) {
    this.unused = unused;
    const { state, loaded, why } = this.#models;
    const entry = this.#site.models.find(({ name }) => name === at("model").value);
    put(at("model-what"), entry ? sayFor(`model_${entry.name}`, entry.description) : "");
    put(at("model-made"), entry ? madeOf(entry) : "");
    const loading = state === "loading";
    at("model").disabled = this.#models.stays;
    at("model-load").hidden = !loading;
    at("model-progress").value = entry ? Math.min(1, loaded / entry.bytes) : 0;
    at("model-again").hidden = loading || this.#models.stays || state === "ready" || (state === "none" && this.unused);
    const words = this.#words(entry);
    if (at("model-state").dataset.state !== state && ["ready", "failed", "cancelled"].includes(state)) tell(words);
    at("model-state").dataset.state = state;
    put(at("model-state"), words);
    this.#detail.show(state === "failed" ? why : "");
    put(at("settings-brief"), entry ? `${entry.name} · ${words}` : "");
  }

  #words(entry) {
    const { state, loaded, model, code } = this.#models;
    if (state === "loading") {
      if (loaded >= entry.bytes) return say("model_starting");
      return say("model_loading", { done: megabytes(loaded), all: megabytes(entry.bytes) });
    }
    if (state === "ready") return say(`model_ready_${model.backend}`, { threads: model.threads });
    if (state === "failed") return say("model_failed", { why: sayIfAny(`code_${code}`) ?? say("code_other") });
    if (state === "cancelled") return say("model_cancelled");
    return say(this.unused ? "model_unused" : "model_waits");
  }
}

/** What a model is made of, or was made from, in short: descriptions of cards are in their own language. */
function madeOf({ computes, ensemble, imported }) {
  const told = [];
  if (ensemble) told.push(say(`made_${ensemble.rule.replace("-", "_")}`, { members: ensemble.members.join(" + ") }));
  if (imported) told.push(say("made_imported", { source: imported }));
  if (computes) told.push(say(`made_${computes}`));
  return told.join(" · ");
}
