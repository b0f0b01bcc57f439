// Bars of the classes' scores, and what the classes mean.

import { canonical } from "./figleaf/labels.js";
import { make, put } from "./dom.js";
import { say, sayIfAny, share } from "./words.js";

const UNSAFE = new Set(["hentai", "porn", "sexy", "nsfw"]);

/** What a class means, in the language that is spoken. */
export const meaningOf = (label) => sayIfAny(`class_${canonical(label)}`) ?? say("class_own");

/** Whether figleaf calls a class unsafe. */
export const isUnsafe = (label) => UNSAFE.has(canonical(label));

/** A list of bars that is made once, and changed as scores come. */
export class Bars {
  element = make("ul", { class: "bars" });
  #rows = [];

  /**
   * @param {Array<[string, number]>} pairs label and probability, in the order to show
   * @param {boolean} meanings whether to say under each bar what the class means
   */
  show(pairs, meanings) {
    this.#fit(pairs.length);
    pairs.forEach(([label, probability], n) => {
      const row = this.#rows[n];
      put(row.label, label);
      row.label.title = meaningOf(label);
      put(row.share, share(probability));
      row.fill.style.setProperty("width", `${100 * probability}%`);
      row.element.classList.toggle("unsafe", isUnsafe(label));
      row.meaning.hidden = !meanings;
      put(row.meaning, meanings ? meaningOf(label) : "");
    });
  }

  #fit(count) {
    while (this.#rows.length > count) this.#rows.pop().element.remove();
    while (this.#rows.length < count) {
      const row = newRow();
      this.#rows.push(row);
      this.element.append(row.element);
    }
  }
}

function newRow() {
  const label = make("span", { class: "bar-label" });
  const fill = make("span", { class: "bar-fill" });
  const share = make("span", { class: "bar-share" });
  const meaning = make("span", { class: "bar-meaning", hidden: true });
  const track = make("span", { class: "bar-track", "aria-hidden": "true" }, fill);
  return { label, fill, share, meaning, element: make("li", {}, label, track, share, meaning) };
}
